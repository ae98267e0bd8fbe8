/** A page on paper, by the browser that is there. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

/** Programs that print a page without a window, in the order in which they are looked for. */
export const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'] as const

/** Path of a browser; undefined where there is none. */
function findBrowser(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const places = BROWSERS.flatMap(name => folders.map(folder => join(folder, name)))
  return [...places, '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'].find(path => existsSync(path))
}

/**
 * Prints an HTML file as PDF beside it, charts as they are drawn on paper; gives the PDF's path.
 * @throws Error when there is no browser, or it made nothing
 */
export async function printPdf(html: string, { signal }: { signal?: AbortSignal } = {}): Promise<string> {
  const browser = findBrowser()
  if (!browser) throw new Error(`report: no browser to print with: install one of ${BROWSERS.join(', ')}`)
  const pdf = html.replace(/\.html$/, '.pdf')
  const profile = mkdtempSync(join(tmpdir(), 'moodlake-print-'))
  // The page is our own and asks nothing of the network; Chromium's own sandbox does not run as root.
  const quiet = ['--headless', '--disable-gpu', '--no-sandbox', '--disable-background-networking', `--user-data-dir=${profile}`]
  const args = [
    ...quiet,
    '--no-pdf-header-footer',
    '--virtual-time-budget=20000',
    `--print-to-pdf=${pdf}`,
    pathToFileURL(html).href,
  ]
  const begun = Date.now()
  try {
    await promisify(execFile)(browser, args, { timeout: 120_000, signal })
  } catch (error) {
    throw new Error(`report: ${html} was not printed: ${error instanceof Error ? error.message.split('\n')[0] : error}`, {
      cause: error,
    })
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 3 })
  }
  if (!existsSync(pdf) || statSync(pdf).mtimeMs < begun - 1000)
    throw new Error(`report: ${html} was not printed: the browser made no file`)
  return pdf
}
