import { execFileSync } from 'node:child_process'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { barChart } from '../../src/explore/bar-charts.js'
import { formatDuration, inKernel, progress, prose, show, toBundle } from '../../src/explore/display.js'
import { HOSTILE } from './hostile.js'

afterEach(() => vi.restoreAllMocks())

function printed(work: () => void): string {
  let text = ''
  vi.spyOn(process.stdout, 'write').mockImplementation(part => {
    text += String(part)
    return true
  })
  work()
  vi.restoreAllMocks()
  return text
}

describe('show outside a kernel', () => {
  it('prints text, and loads no kernel', () => {
    expect(inKernel()).toBe(false)
    expect(printed(() => show([{ user: 'anna', n: 3 }]))).toBe('user  n\n────  ─\nanna  3\n')
    expect(printed(() => show('plain'))).toBe('plain\n')
    const figure = barChart([{ user: 'a', n: 1 }], { label: 'user', value: 'n', title: 'Who tweets most' })
    expect(printed(() => show(figure))).toContain('[chart] Who tweets most\nall 1; together 1 of n = 1 n')
  })

  it('refuses a figure that would be blank', () => {
    expect(() => show({ data: [], layout: {}, config: {} })).toThrow('show: the figure has no data')
  })
})

describe('toBundle', () => {
  it('gives a figure in three forms, a confusion matrix as a figure', () => {
    const bundle = toBundle({
      labels: ['negative', 'positive'],
      counts: [
        [1, 2],
        [3, 4],
      ],
    })
    expect(Object.keys(bundle)).toEqual(['application/vnd.plotly.v1+json', 'image/svg+xml', 'text/plain'])
  })

  it('says which table versions a query read', () => {
    const result = {
      rows: [{ n: 1 }],
      columns: [{ name: 'n', type: 'BIGINT' }],
      tables: [{ name: 'gold', version: 3 }],
      ms: 12.3,
    }
    expect(toBundle(result)['text/html']).toContain('1 rows from gold@v3, 12 ms')
  })
})

describe('prose', () => {
  it('writes numbers with separators and keeps text inert', () => {
    const text = printed(() => prose`**${40000}** of ${HOSTILE[0]} are ${null}.`)
    expect(text).toBe('**40,000** of <script>window.hacked = 1</script> are null.\n')
  })
})

describe('progress', () => {
  it('writes to stderr, in a log only now and then, with the time it took at the end', () => {
    const lines: string[] = []
    vi.spyOn(process.stderr, 'write').mockImplementation(part => lines.push(String(part)) > 0)
    const bar = progress(200, 'scoring', { unit: 'tweets', everyMs: 0 })
    bar.update(50, 'batch 1')
    bar.tick(150)
    bar.done()
    bar.done()
    bar.update(3)
    vi.restoreAllMocks()
    const text = lines.join('')
    expect(text).toMatch(/scoring 50 of 200 tweets \(25 %\), [\d.]+ s left, batch 1/)
    expect(text).toMatch(/scoring 200 of 200 tweets \(100 %\), took [\d.]+ s/)
    expect(text.match(/took/g)).toHaveLength(1)
  })

  it('counts nothing to do as done', () => {
    let text = ''
    vi.spyOn(process.stderr, 'write').mockImplementation(part => {
      text += String(part)
      return true
    })
    progress(0, 'nothing').done()
    vi.restoreAllMocks()
    expect(text).toContain('nothing 0 of 0 (100 %)')
  })
})

describe('formatDuration', () => {
  it.each([
    [1234, '1.2 s'],
    [59_000, '59 s'],
    [185_000, '3 min 05 s'],
    [7_800_000, '2 h 10 min'],
  ])('%d', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})

describe('in the kernel', () => {
  // tslab's own modules in a process of their own, as its kernel loads them, with a writer that prints what it is sent.
  it('sends one output in several forms, and a bar that moves in place', () => {
    const script = `
      const jupyter = require('tslab/dist/jupyter')
      globalThis.__tslab__ = {}
      const sent = []
      jupyter.lastWriteDisplayData = (message, update) => sent.push([message, update])
      import('./dist/explore/display.js').then(({ show, prose, progress, inKernel }) => {
        show([{ a: '<b>' }])
        prose\`\${'*a*<i>'} \${40000}\`
        const bar = progress(2, 'work', { everyMs: 0 })
        bar.tick()
        bar.done()
        process.stdout.write(JSON.stringify({ kernel: inKernel(), sent }))
      })`
    const { kernel, sent } = JSON.parse(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })) as {
      kernel: boolean
      sent: [{ data: Record<string, string>; transient: { display_id?: string } }, boolean][]
    }
    expect(kernel).toBe(true)
    expect(sent[0]![0].data['text/html']).toContain('<bdi>&lt;b&gt;</bdi>')
    expect(sent[1]![0].data['text/markdown']).toBe('\\*a\\*&lt;i&gt; 40,000')
    const bar = sent.slice(2)
    expect(bar.map(([, update]) => update)).toEqual([false, true, true])
    expect(new Set(bar.map(([message]) => message.transient.display_id)).size).toBe(1)
    expect(bar[1]![0].data['text/html']).toContain('<progress value="0.5000"')
  })
})
