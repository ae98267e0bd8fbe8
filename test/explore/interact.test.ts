import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { interact } from '../../src/explore/interact.js'

let said = ''
beforeEach(() => {
  said = ''
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    said += text
    return true
  })
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

const controls = { keyword: '', lang: ['all', 'en', 'de'], hour: { min: 0, max: 23, value: 7 }, replies: true } as const

it('draws once without a page, with the first values', async () => {
  const { values } = await interact(controls, ({ keyword, lang, hour, replies }) => {
    // The types are those of the controls.
    const typed: [string, 'all' | 'en' | 'de', number, boolean] = [keyword, lang, hour, replies]
    return typed.join('|')
  })
  expect(values).toEqual({ keyword: '', lang: 'all', hour: 7, replies: true })
  expect(said).toBe('keyword: – · lang: all · hour: 7 · replies: true\n|all|7|true\n')
})

it('takes what moodlake report --set gives', async () => {
  vi.stubEnv('MOODLAKE_SET', JSON.stringify({ lang: 'de', hour: '3', replies: 'false', keyword: 'tea' }))
  const { values } = await interact(controls, () => 'drawn')
  expect(values).toEqual({ keyword: 'tea', lang: 'de', hour: 3, replies: false })
  vi.stubEnv('MOODLAKE_SET', JSON.stringify({ lang: 'fr' }))
  await expect(interact(controls, () => 'drawn')).rejects.toThrow('interact: lang is one of all, en, de, not fr')
  vi.stubEnv('MOODLAKE_SET', JSON.stringify({ hour: '24' }))
  await expect(interact(controls, () => 'drawn')).rejects.toThrow('interact: hour is a number from 0 to 23, not 24')
})

it('can be set by code, one drawing at a time, of which only the last waiting one is done', async () => {
  const drawn: string[] = []
  let busy = 0
  const interaction = await interact({ keyword: '' }, async ({ keyword }) => {
    expect(++busy).toBe(1)
    await new Promise(done => setImmediate(done))
    busy--
    drawn.push(keyword)
    return keyword
  })
  await Promise.all(['a', 'b', 'c', 'd'].map(keyword => interaction.set({ keyword })))
  expect(drawn).toEqual(['', 'a', 'd'])
  expect(said.trimEnd().split('\n').at(-1)).toBe('d')
  await expect(interaction.set({ word: 'x' } as never)).rejects.toThrow('no control word; there are keyword')
  await expect(interaction.set({ keyword: 3 } as never)).rejects.toThrow('keyword is text, not 3')
})

it('fails with the first drawing, and shows the error of a later one in its place', async () => {
  const draw = ({ lang }: { lang: string }) => {
    if (lang === 'de') throw new Error('no such language')
    return lang
  }
  await expect(interact({ lang: ['de'] }, draw)).rejects.toThrow('no such language')
  const interaction = await interact({ lang: ['en', 'de'] }, draw)
  await interaction.set({ lang: 'de' })
  expect(said).toContain('no such language\n')
})
