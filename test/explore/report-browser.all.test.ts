import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { printPdf } from '../../src/explore/pdf.js'
import { makeReport, type Report } from '../../src/explore/report.js'
import { reproduce } from '../../src/explore/reproduce.js'
import { type TweetFilters, tweetBrowser } from '../../src/explore/tweet-browser.js'
import { LABELS } from '../../src/tweet.js'
import { hasJupyter, installKernel, root } from '../notebooks/notebook-file.js'
import { contrast } from './contrast.js'

const chrome = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
const ready = chrome !== undefined && hasJupyter

describe.skipIf(!ready)('a report in a browser without network (skipped without Chromium or .venv)', () => {
  let folder = ''
  let report: Report
  let browser: Browser

  beforeAll(async () => {
    mkdirSync(join(root, '.moodlake'), { recursive: true })
    folder = mkdtempSync(join(root, '.moodlake', 'browser-test-'))
    process.env.JUPYTER_PATH = installKernel(folder)
    report = await makeReport(join(root, 'test/explore/fixtures/charts.ipynb'), { output: folder })
    browser = await chromium.launch({ executablePath: chrome!, args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Opens the report; collects what the console says and what the page asks for. */
  async function open(options: { colorScheme: 'light' | 'dark'; width?: number }) {
    const context = await browser.newContext({
      offline: true,
      colorScheme: options.colorScheme,
      viewport: { width: options.width ?? 1280, height: 900 },
    })
    const page: Page = await context.newPage()
    const said: string[] = []
    const asked: string[] = []
    page.on('console', message => said.push(message.text()))
    page.on('pageerror', error => said.push(error.message))
    page.on('request', request => {
      if (!/^(file|data|blob):/.test(request.url())) asked.push(request.url())
    })
    await page.goto(pathToFileURL(report.file).href)
    // In text, so that the rest of the project is checked without the browser's names.
    await page.waitForFunction(`document.querySelectorAll('.js-plotly-plot .main-svg').length >= ${report.figures}`)
    return { page, said, asked, close: () => context.close() }
  }

  it('holds a chart for every figure and stays below 10 MB', () => {
    expect(report.figures).toBe(19)
    expect(report.bytes).toBeLessThan(10e6)
    expect(readFileSync(report.file, 'utf8')).toContain('Plotly')
  })

  it.each(['light', 'dark'] as const)(
    'draws every chart in the %s theme: console clean, no request, nothing hostile runs',
    async colorScheme => {
      const { page, said, asked, close } = await open({ colorScheme })
      const charts = await page.evaluate<{ drawn: boolean; marks: number; wide: boolean }[]>(`
      [...document.querySelectorAll('.moodlake-figure')].map(place => ({
        drawn: place.querySelector('.js-plotly-plot .main-svg') !== null,
        marks: place.querySelectorAll('.point, .points path, .js-line, .hm image, .annotation').length,
        wide: place.scrollWidth > place.clientWidth + 1,
      }))`)
      expect(charts).toHaveLength(report.figures)
      for (const chart of charts) expect(chart).toMatchObject({ drawn: true, wide: false })
      for (const chart of charts) expect(chart.marks).toBeGreaterThan(0)
      expect(await page.evaluate('window.hacked')).toBeUndefined()
      expect(said).toEqual([])
      expect(asked).toEqual([])
      await close()
    },
  )

  it('says of every figure how to have it again, and prints as PDF', async () => {
    const { page, close } = await open({ colorScheme: 'light' })
    const folds = page.locator('.moodlake-figure ~ details.origin')
    expect(await folds.count()).toBe(report.figures)
    await folds.first().locator('summary').click()
    expect(await folds.first().locator('code').innerText()).toBe('npx moodlake reproduce charts.html#1')
    await close()
    const again = await reproduce(`${report.file}#1`)
    expect(again).toMatchObject({ by: 'notebook', same: true, why: '' })
    const pdf = readFileSync(await printPdf(report.file))
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-')
    expect(pdf.toString('latin1').match(/\/Type \/Page\b/g)!.length).toBeGreaterThan(3)
  })

  it('has ink that stands out from the page in both themes', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page, close } = await open({ colorScheme })
      const colours = await page.evaluate<string[]>(`
        [['body', 'backgroundColor'], ['.gtitle', 'fill'], ['.xtick text', 'fill'], ['.gtitle-subtitle', 'fill']]
          .map(([selector, name]) => getComputedStyle(document.querySelector(selector))[name])`)
      const [ground, ...inks] = colours
      for (const ink of inks) expect(contrast(ground!, ink)).toBeGreaterThan(4.5)
      await close()
    }
  })

  it('folds code, opens all of it at a click, and links to its parts', async () => {
    const { page, close } = await open({ colorScheme: 'light' })
    const openCode = () => page.locator('details.source[open]').count()
    expect(await openCode()).toBe(0)
    await page.getByRole('button', { name: 'Show all code' }).click()
    expect(await openCode()).toBe(await page.locator('details.source').count())
    await page.getByRole('link', { name: 'Evaluation' }).click()
    expect(new URL(page.url()).hash).toBe('#Evaluation')
    expect(await page.locator('#Evaluation').isVisible()).toBe(true)
    await close()
  })

  it('changes a chart at the choice of a filter, without network', async () => {
    const { page, said, asked, close } = await open({ colorScheme: 'light' })
    const chart = page.locator('.js-plotly-plot', { has: page.locator('.updatemenu-header') })
    const seen = async () => [
      await chart.locator('.gtitle-subtitle').textContent(),
      await chart.locator('.point path').first().getAttribute('d'),
    ]
    const before = await seen()
    await chart.locator('.updatemenu-header').click()
    await chart.locator('.updatemenu-dropdown-button', { hasText: 'es' }).click()
    await page.waitForTimeout(300)
    const after = await seen()
    expect(before[0]).toContain('n = 3,000 tweets')
    expect(after[0]).toContain('n = 1,000 tweets')
    expect(after[1]).not.toBe(before[1])
    expect([said, asked]).toEqual([[], []])
    await close()
  })

  it('sorts a table at a click on a head, and back at a second', async () => {
    const { page, close } = await open({ colorScheme: 'light' })
    const head = page.locator('.moodlake-table th', { hasText: 'user' }).first()
    const column = async () => {
      const place = await page.evaluate(
        `[...document.querySelectorAll('.moodlake-table th')].find(head => head.textContent.startsWith('user')).cellIndex`,
      )
      return page
        .locator('.moodlake-table')
        .first()
        .locator(`tbody td:nth-child(${Number(place) + 1})`)
        .allTextContents()
    }
    await head.click()
    const up = await column()
    expect(up).toEqual([...up].sort((a, b) => a.localeCompare(b)))
    await head.click()
    expect(await column()).toEqual([...up].reverse())
    await close()
  })

  it('fits a telephone and prints in light colours', async () => {
    const { page, close } = await open({ colorScheme: 'dark', width: 390 })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390)
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)')
    const widths = `[...document.querySelectorAll('.still')].map(image => image.checkVisibility() && image.naturalWidth)`
    expect(await page.evaluate<unknown[]>(widths)).toEqual(Array.from({ length: report.figures }, () => 760))
    expect((await page.pdf()).length).toBeGreaterThan(50_000)
    await close()
  })

  it('filters 5,000 tweets in a page without network, as the kernel counts them', async () => {
    const words = ['slow', 'lovely', '<script>window.hacked = 1</script>', 'un d\u00eda', '=1+1']
    const pick = <T>(list: readonly T[], i: number) => list[i % list.length]!
    const rows = Array.from({ length: 5000 }, (_, i) => ({
      timestamp: new Date(Date.UTC(2026, 8, 7) + i * 433_000),
      predicted_sentiment: pick(LABELS, i * 7 + (i >> 5)),
      cleaned_text: `${pick(words, i >> 1)} tweet ${i} ${'and some more words '.repeat(5)}`,
      user: `user${i % 90}`,
      lang: pick(['en', 'es', 'de'], i >> 3),
      location: pick(['', 'Bergen, Norway', 'Lima, Peru'], i >> 2),
      hashtags: i % 5 ? [] : [pick(['quvra', 'nimbolo'], i)],
    }))
    const file = join(folder, 'browser.html')
    const { mime } = tweetBrowser(rows)
    writeFileSync(file, `<!DOCTYPE html><meta charset="utf-8">${String(mime['text/html'])}`)
    expect(statSync(file).size).toBeLessThan(3e6)
    const context = await browser.newContext({ offline: true })
    const page = await context.newPage()
    const said: string[] = []
    page.on('console', message => said.push(message.text()))
    page.on('pageerror', error => said.push(error.message))
    await page.goto(pathToFileURL(file).href)
    const counted = () => page.locator('.moodlake-browser-count').innerText()
    const filters: TweetFilters = {}
    const expected = () =>
      String(tweetBrowser(rows, filters).mime['text/plain'])
        .split('\n')[1]!
        .replace(/ \(.*?\):/, ':')
    const same = async () => expect(await counted()).toBe(`n = ${expected()}`)
    await same()
    const set: [keyof TweetFilters, string, string][] = [
      ['keyword', 'input', 'SLOW'],
      ['lang', 'select', 'es'],
      ['fromHour', 'input', '20'],
      ['toHour', 'input', '4'],
      ['sentiment', 'select', 'positive'],
      ['keyword', 'input', ''],
      ['topic', 'select', '#quvra'],
      ['lang', 'select', ''],
      ['place', 'select', 'Lima, Peru'],
    ]
    for (const [name, kind, value] of set) {
      Object.assign(filters, { [name]: /Hour/.test(name) ? Number(value) : value })
      const control = page.locator(`${kind}[name="${name}"]`)
      await (kind === 'select' ? control.selectOption(value) : control.fill(value))
      await same()
    }
    expect(await page.locator('svg rect').count()).toBeGreaterThan(3)
    expect(await page.evaluate('window.hacked')).toBeUndefined()
    expect(said).toEqual([])
    const pictures = process.env.MOODLAKE_PICTURES
    if (pictures) {
      await page.locator('input[name="fromHour"]').fill('0')
      await page.locator('input[name="toHour"]').fill('23')
      await page.screenshot({ path: join(pictures, 'tweet-browser.png') })
    }
    await context.close()
  })
})
