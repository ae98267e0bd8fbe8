/** What `moodlake report --set` gives a notebook. */

/**
 * A value that `moodlake report --set name=value` gives a notebook; `otherwise` where none was given.
 * @throws Error when the environment variable MOODLAKE_SET is no JSON object
 */
export function parameter(name: string, otherwise: string): string {
  const given: unknown = JSON.parse(process.env.MOODLAKE_SET || '{}')
  if (typeof given !== 'object' || given === null)
    throw new Error(`parameter: MOODLAKE_SET is no JSON object: ${process.env.MOODLAKE_SET}`)
  const value: unknown = Object.hasOwn(given, name) ? Reflect.get(given, name) : otherwise
  return String(value)
}
