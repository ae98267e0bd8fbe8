import { escapeHtml } from '../explore/html.js'

const CELL = 110
const LEFT = 120
const TOP = 60

/**
 * A confusion matrix as an SVG picture that stands on its own: rows are the truth, columns the predictions, every cell its
 * count in full digits and its share of the row, which is also its shade.
 * @throws when there is nothing to draw
 */
export function confusionPicture(
  { labels, counts }: { labels: readonly string[]; counts: readonly (readonly number[])[] },
  title: string,
): string {
  const n = counts.flat().reduce((sum, count) => sum + count, 0)
  if (!n) throw new Error('confusion picture: no rows: it would be blank')
  const side = CELL * labels.length
  const width = LEFT + side + 20
  const height = TOP + side + 60
  const text = (x: number, y: number, content: string, more = '') =>
    `<text x="${x}" y="${y}" text-anchor="middle" dominant-baseline="middle" ${more}>${escapeHtml(content)}</text>`
  const cells = counts.flatMap((row, t) => {
    const support = row.reduce((sum, count) => sum + count, 0)
    return row.map((count, p) => {
      const share = support ? count / support : 0
      const [x, y] = [LEFT + p * CELL, TOP + t * CELL]
      const ink = share > 0.55 ? '#ffffff' : '#1a1a1a'
      return [
        `<rect x="${x}" y="${y}" width="${CELL}" height="${CELL}" fill="#08519c" fill-opacity="${(0.04 + 0.9 * share).toFixed(3)}" stroke="#ffffff"/>`,
        text(x + CELL / 2, y + CELL / 2 - 9, count.toLocaleString('en'), `font-size="20" fill="${ink}"`),
        text(x + CELL / 2, y + CELL / 2 + 15, `${(100 * share).toFixed(1)} %`, `font-size="12" fill="${ink}"`),
      ].join('')
    })
  })
  const rows = labels.map((label, i) => text(LEFT - 50, TOP + (i + 0.5) * CELL, label))
  const columns = labels.map((label, i) => text(LEFT + (i + 0.5) * CELL, TOP + side + 18, label))
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13" fill="#1a1a1a">
<rect width="${width}" height="${height}" fill="#ffffff"/>
${text(width / 2, 22, title, 'font-size="16"')}${text(width / 2, 43, `n = ${n.toLocaleString('en')}; shade and % are shares of the true class`, 'font-size="12"')}
${cells.join('\n')}
${rows.join('')}${columns.join('')}
${text(LEFT + side / 2, TOP + side + 42, 'predicted class', 'font-size="14"')}
${text(16, TOP + side / 2, 'true class', `font-size="14" transform="rotate(-90 16 ${TOP + side / 2})"`)}
</svg>
`
}
