import { describe, expect, it } from 'vitest'
import type { Batch } from '../../src/sources/batch.js'
import type { Source } from '../../src/sources/source.js'

/** What a source under test must offer: a way to add input, and a second opening of the same input. */
export interface SourceSetup {
  /** Opens the source anew, as another process would. */
  open(): Promise<Source>
  /** Adds input that yields exactly these values. */
  add(values: string[]): Promise<void>
  /** The values of a batch, in order. */
  values(batch: Batch): Promise<string[]>
}

/** What every source promises. */
export function sourceContract(name: string, setup: () => Promise<SourceSetup>): void {
  describe(`source contract: ${name}`, () => {
    const drain = async (source: Source, values: SourceSetup['values'], from?: unknown, limits = {}) => {
      const batches: { from: unknown; to: unknown; values: string[] }[] = []
      for (;;) {
        const available = await source.latest(from, limits)
        if (!available) return batches
        const batch = await source.read(from, available.to)
        batches.push({ from, to: available.to, values: await values(batch) })
        await batch.drop()
        from = available.to
      }
    }

    it('has nothing at first, and nothing twice', async () => {
      const { open, add, values } = await setup()
      const source = await open()
      expect((await drain(source, values)).flatMap(batch => batch.values)).toEqual([])
      await add(['a', 'b'])
      await add(['c'])
      const first = await drain(source, values)
      expect(first.flatMap(batch => batch.values).sort()).toEqual(['a', 'b', 'c'])
      await add(['d'])
      const second = await drain(source, values, first.at(-1)?.to)
      expect(second.flatMap(batch => batch.values)).toEqual(['d'])
    })

    it('reads the same rows in the same order again, also when opened anew', async () => {
      const { open, add, values } = await setup()
      for (const value of 'abcdefg') await add([value, `${value}2`])
      const batches = await drain(await open(), values, undefined, { maxFiles: 2 })
      expect(batches.length).toBeGreaterThan(1)
      const again = await open()
      for (const { from, to, values: want } of batches) {
        // Offsets go through the checkpoint as JSON.
        const pass = (offset: unknown) => (offset === undefined ? undefined : JSON.parse(JSON.stringify(offset)))
        const batch = await again.read(pass(from), pass(to))
        expect(await values(batch)).toEqual(want)
        await batch.drop()
      }
      expect(batches.flatMap(batch => batch.values).sort()).toEqual([...'abcdefg'].flatMap(value => [value, `${value}2`]).sort())
    })

    it('names the same next batch when asked again, also after a crash before the batch', async () => {
      const { open, add, values } = await setup()
      await add(['a'])
      const source = await open()
      const first = await source.latest(undefined)
      await add(['b'])
      const asked = await (await open()).latest(undefined)
      const batch = await source.read(undefined, first!.to)
      expect(await values(batch)).toEqual(['a'])
      const again = await (await open()).read(undefined, asked!.to)
      expect((await values(again))[0]).toBe('a')
    })

    it('says how much remains', async () => {
      const { open, add } = await setup()
      for (const value of 'abcd') await add([value])
      const available = await (await open()).latest(undefined, { maxFiles: 1 })
      expect(available?.backlog).toBe(3)
    })
  })
}
