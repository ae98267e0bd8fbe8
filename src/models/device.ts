/** Where a transformer runs. */

/** The CPU, or an execution provider of ONNX Runtime: which of them are to be had depends on the platform and on what is installed. */
export const DEVICES = ['cpu', 'cuda', 'tensorrt', 'webgpu', 'coreml', 'dml'] as const

/** Name of a device. */
export type Device = (typeof DEVICES)[number]

/** A model cannot run where it was told to; it does not run elsewhere instead. */
export class DeviceError extends Error {
  override name = 'DeviceError'
  constructor(
    readonly device: Device,
    why: string,
    options?: ErrorOptions,
  ) {
    super(`device ${device} cannot be used: ${why}`, options)
  }
}
