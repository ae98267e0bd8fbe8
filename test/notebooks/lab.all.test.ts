/**
 * What a person sees who types `npm run lab`: JupyterLab in a real browser, cells run by its own buttons and keys.
 * MOODLAKE_PICTURES=FOLDER keeps a picture of the notebook in both themes.
 */
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type Browser, chromium, type Locator, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contrast } from '../explore/contrast.js'
import { HOSTILE } from '../explore/hostile.js'
import { type Lab, startLab, until } from './jupyter-lab.js'
import { root } from './notebook-file.js'

const chrome = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
const missing = !chrome
  ? 'skipped: no Chromium: apt-get install chromium'
  : existsSync(join(root, '.venv', 'bin', 'jupyter'))
    ? undefined
    : 'skipped: no .venv: npm run setup'
const FLAGS = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
]
const PATIENCE = 60_000
const CELL = '.jp-Notebook .jp-CodeCell'

const CELLS = {
  chart: `import { attach, barChart, interact, LABELS, monitorStreams, progress, runningStreams, show, startBronze, type Stream } from 'moodlake'
const streams: Stream[] = []
const users = [{ user: 'ann', tweets: 12 }, { user: '<b onmouseover="window.hacked = 1">bob</b>', tweets: 7 }]
show(barChart(users, { label: 'user', value: 'tweets', title: 'Ann tweets most' }))`,
  table: `show(${JSON.stringify(HOSTILE.map((text, row) => ({ row, text })))}, { caption: 'Tweets <i>as they came</i>' })`,
  error: 'LABELS.toUpperCase()',
  completion: '// type here',
  bar: `const bar = progress(40, 'counting', { unit: 'tweets' })
for (let i = 0; i < 40; i++) {
  await new Promise(done => setTimeout(done, 25))
  bar.tick()
}
bar.done()`,
  widget: `await interact({ keyword: '', least: { min: 0, max: 20 }, order: ['by name', 'by tweets'], all: true }, ({ keyword, least, order, all }) => {
  const found = users.filter(({ user, tweets }) => user.includes(keyword) && tweets >= least)
  return barChart(all ? found : found.slice(0, 1), { label: 'user', value: 'tweets', title: ['Users', order, 'of at least', least].join(' ') })
})`,
  stream: `streams.push(await startBronze({ source: 'data/tweets', lake: process.env.LAB_LAKE!, trigger: { everyMs: 100 } }))
await monitorStreams(streams, { everyMs: 100, idlePolls: 1e6, onLines: ([line]) => console.log(line!.status, line!.rows) })`,
  attach: `const points = await attach(process.env.LAB_LAKE!, { everyMs: 200 })`,
  after: `console.log([users.length, 'users,', runningStreams().length, 'running,', streams[0]!.status()].join(' '))`,
}
type Name = keyof typeof CELLS
const names = Object.keys(CELLS) as Name[]
const notebook = join(root, 'notebooks', 'sentiment-analysis.ipynb')

describe.skipIf(missing)(`npm run lab, in a browser${missing ? ` (${missing})` : ''}`, () => {
  let starting: Promise<Lab>
  let lab: Lab
  let browser: Browser
  let page: Page
  const errors: string[] = []
  const asked: string[] = []

  beforeAll(async () => {
    starting = startLab(Object.values(CELLS))
    lab = await starting
    browser = await chromium.launch({ executablePath: chrome!, args: FLAGS })
    page = await open(lab.url())
    await page
      .locator(CELL)
      .nth(names.length - 1)
      .waitFor()
  })
  afterAll(async () => {
    await browser?.close()
    // Also when the start took longer than the hook may.
    await (await starting)?.close()
  })

  /** A page that is listened to: errors on its console, requests that leave this machine. */
  async function open(url: string): Promise<Page> {
    // Tall enough for every cell: JupyterLab does not draw what is out of sight.
    const opened = await browser.newPage({ viewport: { width: 1280, height: 1900 } })
    opened.setDefaultTimeout(PATIENCE)
    opened.on('console', message => {
      if (message.type() === 'error') errors.push(`${message.text()} (${message.location().url})`)
    })
    opened.on('pageerror', error => errors.push(error.message))
    opened.on('request', request => {
      if (!/^(data:|blob:|(http|ws):\/\/127\.0\.0\.1:)/.test(request.url())) asked.push(request.url())
    })
    await opened.goto(url)
    return opened
  }

  /** Waits for a page's notebook to have its kernel, and the kernel to have nothing to do. */
  async function ready(opened: Page): Promise<void> {
    // Tabs behind the front one have such marks too.
    await opened.locator('.jp-KernelName:visible', { hasText: 'TypeScript (Moodlake)' }).waitFor()
    await opened.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]:visible').waitFor()
  }

  const cell = (name: Name): Locator => page.locator(CELL).nth(names.indexOf(name))
  const output = (name: Name) => cell(name).locator('.jp-OutputArea-output')
  const prompt = (name: Name) => cell(name).locator('.jp-InputPrompt').first().innerText()
  const ended = (name: Name) => until(async () => /\[\d+\]/.test(await prompt(name)), PATIENCE)

  /** Runs a cell as a person does: a click into it, Ctrl+Enter. */
  async function start(name: Name): Promise<void> {
    await cell(name).locator('.cm-content').click()
    for (;;) {
      await page.keyboard.press('Control+Enter')
      await page.waitForTimeout(400)
      // tslab turns away what comes within 200 ms of an error: the prompt is empty again.
      if (/\[[*\d]+\]/.test(await prompt(name))) return
    }
  }

  async function run(name: Name): Promise<void> {
    await start(name)
    await ended(name)
  }

  it('opens the notebook with the kernel TypeScript (Moodlake), and nothing in front of it', async () => {
    await ready(page)
    expect(await page.locator('.jp-Dialog, .Toastify__toast').allInnerTexts()).toEqual([])
  })

  it('draws a chart', async () => {
    await run('chart')
    const chart = cell('chart').locator('.js-plotly-plot')
    await chart.locator('.main-svg').first().waitFor()
    expect(await chart.count()).toBe(1)
    expect(await chart.locator('.point').count()).toBe(2)
    expect(await chart.locator('.gtitle').first().textContent()).toContain('Ann tweets most')
    expect(await chart.locator('.ytick').allTextContents()).toContain('<b onmouseover="window.hack…')
  })

  it('fits the chart to a narrower window', async () => {
    const before = (await chartBox())!
    await page.setViewportSize({ width: 1000, height: 1900 })
    await until(async () => (await cell('chart').locator('.main-svg').first().boundingBox())!.width < before.width - 200)
    expect((await chartBox())!.height).toBeCloseTo(before.height, -1)
    await page.setViewportSize({ width: 1280, height: 1900 })
  })

  it('draws a table in which hostile text is text', async () => {
    await run('table')
    const table = output('table').locator('table')
    await table.waitFor()
    const texts = await table.locator('tbody td:nth-child(2)').allTextContents()
    expect(texts.map(plain)).toEqual(HOSTILE.map(plain))
    expect(await table.locator('caption').textContent()).toBe('Tweets <i>as they came</i>')
    expect(await table.locator('script, img, a, svg, i').count()).toBe(0)
    expect(await page.evaluate('window.hacked')).toBeUndefined()
  })

  it('says a type error in a line', async () => {
    await run('error')
    expect((await output('error').innerText()).trim()).toMatch(/^1:8 - Property 'toUpperCase' does not exist on type .*\.$/)
    expect(await cell('error').locator('[data-mime-type="application/vnd.jupyter.stderr"]').count()).toBe(1)
  })

  it('completes what is typed', async () => {
    await cell('completion').locator('.cm-content').click()
    await page.keyboard.press('Control+A')
    await page.keyboard.type('LABELS.')
    await page.keyboard.press('Tab')
    const offered = page.locator('.jp-Completer-item')
    await offered.first().waitFor()
    expect(await offered.locator('.jp-Completer-match').allTextContents()).toEqual(
      expect.arrayContaining(['forEach', 'includes', 'length', 'map']),
    )
    await page.keyboard.press('Escape')
  })

  it('moves a progress bar in place', async () => {
    await page.evaluate(`
      const bars = document.querySelectorAll('${CELL}')[${names.indexOf('bar')}]
      window.seen = []
      new MutationObserver(() => {
        const drawn = [...bars.querySelectorAll('progress')]
        if (drawn.length) window.seen.push({ bars: drawn.length, value: drawn[0].value })
      }).observe(bars, { childList: true, subtree: true, attributes: true })`)
    await run('bar')
    await until(async () => (await output('bar').innerText()).includes('counting 40 of 40 tweets (100 %), took'))
    expect(await output('bar').count()).toBe(1)
    const seen = await page.evaluate<{ bars: number; value: number }[]>('window.seen')
    expect(new Set(seen.map(state => state.bars))).toEqual(new Set([1]))
    expect(new Set(seen.map(state => state.value)).size).toBeGreaterThan(3)
  })

  it('draws a chart anew when a widget changes, also while another cell runs', async () => {
    await run('widget')
    const bars = () => cell('widget').locator('.js-plotly-plot .point').count()
    const title = () => cell('widget').locator('.gtitle').first().textContent()
    await until(async () => (await bars()) === 2)
    await cell('widget').locator('.widget-text input').fill('ann')
    await until(async () => (await bars()) === 1)
    await cell('widget').locator('.widget-text input').fill('')
    await until(async () => (await bars()) === 2)
    await start('bar')
    await cell('widget').locator('.widget-dropdown select').selectOption('by tweets')
    await until(async () => (await title())?.includes('Users by tweets'))
    await cell('widget').locator('.widget-checkbox input').uncheck()
    await until(async () => (await bars()) === 1)
    await ended('bar')
    await picture('widgets')
    expect(await cell('widget').locator('.js-plotly-plot').count()).toBe(1)
  })

  it('stops a cell and its streams by the Stop button; the kernel keeps its state', async () => {
    await start('stream')
    await until(async () => /(running|idle) [1-9]/.test((await output('stream').allInnerTexts()).join('')), PATIENCE)
    const begun = Date.now()
    await page.locator('.jp-Toolbar [data-command="notebook:interrupt-kernel"]').first().click()
    await ended('stream')
    expect(Date.now() - begun).toBeLessThan(2000)
    expect(await cell('stream').locator('[data-mime-type="application/vnd.jupyter.stderr"]').innerText()).toMatch(/^stopped\s*$/)
    await run('after')
    await until(async () => (await output('after').count()) > 0)
    expect((await output('after').innerText()).trim()).toBe('2 users, 0 running, stopped')
  })

  it('can be read in the light and in the dark theme', async () => {
    await picture('light')
    expect(await inkContrast()).toBeGreaterThan(4.2)
    await page.locator('.lm-MenuBar-item', { hasText: 'Settings' }).click()
    await page.locator('.lm-Menu-itemLabel', { hasText: /^Theme$/ }).click()
    await page.locator('.lm-Menu-itemLabel', { hasText: /^JupyterLab Dark$/ }).click()
    await page.locator('body[data-jp-theme-light="false"]').waitFor({ state: 'attached' })
    await until(async () => ((await chartBox())?.height ?? 0) > 150)
    await picture('dark')
    expect(await inkContrast()).toBeGreaterThan(4.2)
  })

  it('shows the same again from the saved file', async () => {
    await page.keyboard.press('Control+S')
    await until(() => readFileSync(join(lab.folder, 'lab.ipynb'), 'utf8').includes('2 users, 0 running'))
    await page.reload()
    await ready(page)
    // The kernel has kept the widgets, and tells the new page.
    await cell('widget').locator('.widget-dropdown select').waitFor()
    expect(await cell('widget').locator('.widget-dropdown select').inputValue()).toBe('by tweets')
    // The extension keeps a picture of each chart in the file and shows that until the mouse comes.
    await cell('chart').locator('.plot-img, .main-svg').first().waitFor()
    expect(await output('table').locator('tbody tr').count()).toBe(HOSTILE.length)
    expect(await page.evaluate('window.hacked')).toBeUndefined()
    await picture('saved')
    // What the streams did while no page looked is in the lake.
    await run('attach')
    await until(async () => /bronze_stream\s+idle[\s\S]*5,732/.test(await output('attach').innerText()))
  })

  it('opens the first notebook by itself and does not touch it', async () => {
    const before = readFileSync(notebook)
    const first = await open(lab.url('/'))
    await first.locator('.lm-TabBar-tab', { hasText: 'sentiment-analysis.ipynb' }).first().waitFor()
    await first.locator('.jp-Notebook .jp-MarkdownCell h1').first().waitFor()
    await ready(first)
    await first.close()
    expect(readFileSync(notebook).equals(before)).toBe(true)
  })

  it('runs all cells of a notebook of the series by the menu', async () => {
    copyFileSync(join(root, 'includes', 'utilities.ipynb'), join(lab.folder, 'series.ipynb'))
    const series = await open(lab.url(`/lab/tree/${relative(root, join(lab.folder, 'series.ipynb'))}`))
    const active = series.locator('.jp-NotebookPanel:not(.lm-mod-hidden)')
    await series.locator('.lm-TabBar-tab.lm-mod-current', { hasText: 'series.ipynb' }).first().waitFor()
    await active.locator('.jp-Notebook h1').first().waitFor()
    await ready(series)
    await series.locator('.lm-MenuBar-item', { hasText: /^Run$/ }).click()
    await series.locator('.lm-Menu-itemLabel', { hasText: /^Run All Cells$/ }).click()
    await active.locator('.jp-Notebook-ExecutionIndicator[data-status="busy"]').waitFor()
    await until(async () => (await active.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').count()) > 0)
    // Cells that are out of sight are not drawn: the file tells of them.
    type Cell = { cell_type: string; execution_count?: number | null; outputs?: { output_type: string; name?: string }[] }
    const cells = () => (JSON.parse(readFileSync(join(lab.folder, 'series.ipynb'), 'utf8')) as { cells: Cell[] }).cells
    const code = () => cells().filter(cell => cell.cell_type === 'code')
    await until(async () => {
      await series.keyboard.press('Control+S')
      await series.waitForTimeout(500)
      return code().every(cell => cell.execution_count)
    })
    expect(
      code()
        .flatMap(cell => cell.outputs ?? [])
        .filter(out => out.output_type === 'error' || out.name === 'stderr'),
    ).toEqual([])
    expect(await active.locator('.jp-OutputArea-output').count()).toBeGreaterThan(5)
    await series.close()
  })

  it('had no error on the console and asked nobody outside this machine', async () => {
    expect(await page.locator('.jp-Dialog, .Toastify__toast').allInnerTexts()).toEqual([])
    expect(errors).toEqual([])
    expect(asked).toEqual([])
    expect(lab.log()).not.toMatch(/Error|Traceback|unknown msg_type/)
  })

  it('ends at Ctrl-C with its kernels', async () => {
    expect(lab.kernels().length).toBeGreaterThan(0)
    expect(await lab.stop()).toBe(0)
    await until(() => lab.kernels().length === 0, 5000)
    expect(await lab.listens()).toBe(false)
  })

  /** Keeps a picture of the page where MOODLAKE_PICTURES says. */
  async function picture(name: string): Promise<void> {
    const folder = process.env.MOODLAKE_PICTURES
    if (folder) await page.screenshot({ path: join(folder, `lab-${name}.png`) })
  }

  const chartBox = () => cell('chart').locator('.js-plotly-plot').boundingBox()

  /** The least contrast between the page and the words of the chart. */
  async function inkContrast(): Promise<number> {
    const [ground, ...inks] = await page.evaluate<string[]>(`
      [['.jp-Notebook', 'backgroundColor'], ['.gtitle', 'fill'], ['.gtitle-subtitle', 'fill'], ['.xtick text', 'fill']]
        .map(([selector, name]) => getComputedStyle(document.querySelector(selector))[name])`)
    return Math.min(...inks.map(ink => contrast(ground!, ink)))
  }
})

/** What the table shows of a text: control characters marked, white space single. */
function plain(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd')
}
