/** A figure as a picture without a script: for GitHub, nbviewer, and paper. It draws what our builders make, not all of plotly. */
import { type Figure, plainText, type Trace } from './chart.js'
import { INK, SERIES_COLOURS } from './colours.js'
import { escapeHtml } from './html.js'
import { list, type Options, options, type Pixel, type Scale, scaleOf } from './svg-scale.js'
import { formatNumber } from './text-table.js'

const WIDTH = 760
const GRID = '#80808047'

const at = (value: unknown, i: number) => (Array.isArray(value) ? value[i] : value)
const round = (value: number) => String(Math.round(value * 10) / 10)

/** Lines of a label, plotly's mark-up dropped. */
const lines = (text: unknown) =>
  String(text ?? '')
    .split('<br>')
    .map(line => plainText(line.replace(/<[^>]*>/g, '')))

const inert = (text: string) => escapeHtml(text.replace(/[\ud800-\udfff\ufffe\uffff]/gu, '\ufffd'))
const attributes = (values: Options) =>
  Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${typeof value === 'number' ? round(value) : inert(String(value))}"`)
    .join('')
const element = (name: string, values: Options) => `<${name}${attributes(values)}/>`

/** Text at a point; `middle` lines are centred on `y`, others hang from their first base line. A line may begin in bold. */
function write(text: unknown, x: number, y: number, values: Options = {}, middle = false): string {
  const parts = String(text ?? '')
    .split('<br>')
    .filter(part => lines(part)[0])
  const size = Number(values['font-size'] ?? 12)
  const top = middle ? y + size * 0.35 - ((parts.length - 1) * size * 1.25) / 2 : y
  const line = (part: string, i: number) => {
    const [bold = '', rest = part] = part.startsWith('<b>') ? part.split('</b>') : []
    const weight = bold && (rest ? `<tspan font-weight="600">${inert(lines(bold)[0]!)}</tspan>` : inert(lines(bold)[0]!))
    const own = { x, y: top + i * size * 1.25, ...(bold && !rest && { 'font-weight': 600 }), ...values }
    return `<text${attributes(own)}>${weight}${inert(lines(rest)[0]!)}</text>`
  }
  return parts.map(line).join('')
}

const textWidth = (text: unknown, size = 12) => 0.6 * size * Math.max(0, ...lines(text).map(line => [...line].length))

/** A colour of a plotly colour scale, for a share in [0, 1]. */
function colourAt(scale: unknown, share: number): string {
  const stops = list(scale) as [number, string][]
  const k = Math.max(
    1,
    stops.findIndex(([place]) => place >= share),
  )
  const [[from, a], [to, b]] = [stops[k - 1] ?? [0, INK], stops[k] ?? [1, INK]]
  const part = Math.min(1, Math.max(0, (share - from) / (to - from || 1)))
  const mixed = [1, 3, 5].map(i => {
    const [left, right] = [a, b].map(colour => Number.parseInt(colour.slice(i, i + 2), 16)) as [number, number]
    return Math.round(left + part * (right - left))
      .toString(16)
      .padStart(2, '0')
  })
  return `#${mixed.join('')}`
}

const DASH: Record<string, string> = { dash: '7 5', dot: '2 4', dashdot: '7 4 2 4' }
const SHAPES: Record<string, string> = {
  square: '-1,-1 1,-1 1,1 -1,1',
  diamond: '0,-1.25 1.25,0 0,1.25 -1.25,0',
  'triangle-up': '0,-1.2 1.1,.8 -1.1,.8',
  cross: '-.4,-1.1 .4,-1.1 .4,-.4 1.1,-.4 1.1,.4 .4,.4 .4,1.1 -.4,1.1 -.4,.4 -1.1,.4 -1.1,-.4 -.4,-.4',
  x: '-1,-.5 -.5,-1 0,-.5 .5,-1 1,-.5 .5,0 1,.5 .5,1 0,.5 -.5,1 -1,.5 -.5,0',
}

function mark(symbol: unknown, x: number, y: number, r: number, values: Options): string {
  const shape = SHAPES[String(symbol)]
  if (!shape) return element('circle', { cx: x, cy: y, r, ...values })
  const points = shape.split(' ').map(point =>
    point
      .split(',')
      .map((part, i) => round((i ? y : x) + r * Number(part)))
      .join(','),
  )
  return element('polygon', { points: points.join(' '), ...values })
}

/** Where a trace draws: its two scales, and pixels for values on them. */
interface Plot {
  x: Scale
  y: Scale
  px: Pixel
  py: Pixel
}

/** Whiskers of the points. */
function whiskers(trace: Trace, { px, py, y }: Plot): string {
  const error = options(trace.error_y)
  return list(error.array)
    .map((up, i) => {
      const [value, x] = [y.number(list(trace.y)[i]), px(list(trace.x)[i])]
      const [top, bottom] = [py(value + Number(up)), py(value - Number(list(error.arrayminus)[i] ?? up))]
      const d = `M${round(x)} ${round(top)}V${round(bottom)}M${round(x - 4)} ${round(top)}h8M${round(x - 4)} ${round(bottom)}h8`
      return element('path', { d, fill: 'none', stroke: error.color ?? INK, 'stroke-width': 1.5 })
    })
    .join('')
}

function scatter(trace: Trace, plot: Plot, colour: string): string {
  const [marker, line, mode] = [options(trace.marker), options(trace.line), String(trace.mode ?? 'lines')]
  const points = list(trace.x).map((x, i) => [plot.px(x), plot.py(list(trace.y)[i])] as const)
  const drawn = (i: number) => Number.isFinite(points[i]?.[0]) && Number.isFinite(points[i]?.[1])
  const d = points.map(([x, y], i) => (drawn(i) ? `${drawn(i - 1) ? 'L' : 'M'}${round(x)} ${round(y)}` : '')).join('')
  const stroke = {
    stroke: line.color ?? marker.color ?? colour,
    'stroke-width': Number(line.width ?? 2),
    'stroke-dasharray': DASH[String(line.dash)],
  }
  const path = mode.includes('lines')
    ? element('path', { d, fill: trace.fill === 'toself' ? trace.fillcolor : 'none', ...stroke, 'stroke-linejoin': 'round' })
    : ''
  const marks = points.map(([x, y], i) => {
    if (!drawn(i) || !mode.includes('markers')) return ''
    const share =
      (Number(at(marker.color, i)) - Number(marker.cmin ?? 0)) /
      (Number(marker.cmax ?? Math.max(...list(marker.color).map(Number))) - Number(marker.cmin ?? 0))
    const fill = marker.colorscale ? colourAt(marker.colorscale, share) : (at(marker.color, i) ?? stroke.stroke)
    const edge = options(marker.line)
    return mark(at(marker.symbol, i), x, y, Number(at(marker.size, i) ?? 6) / 2, {
      fill,
      'fill-opacity': marker.opacity,
      stroke: edge.color,
      'stroke-width': edge.width,
    })
  })
  return path + marks.join('') + whiskers(trace, plot)
}

/** Bars of one trace; `base` holds what is stacked so far, `[k, of]` the place among traces that stand side by side. */
function bars(
  trace: Trace,
  plot: Plot,
  colour: string,
  base: Map<string, number> | undefined,
  [k, of]: [number, number],
  gap: number,
): string {
  const lying = trace.orientation === 'h'
  const [keys, lengths] = lying ? [list(trace.y), list(trace.x)] : [list(trace.x), list(trace.y)]
  const [along, pin, value] = lying ? [plot.y, plot.py, plot.px] : [plot.x, plot.px, plot.py]
  const step = Number(trace.width ?? 1)
  return (
    keys
      .map((key, i) => {
        const from = base?.get(`${key}`) ?? 0
        const length = Number(lengths[i])
        if (!Number.isFinite(length)) return ''
        base?.set(`${key}`, from + length)
        const start = along.number(key) - (trace.offset === 0 ? 0 : step / 2) + (trace.width ? 0 : gap / 2)
        const wide = (step - (trace.width ? 0 : gap)) / of
        const [a, b, c, d] = [pin(start + k * wide), pin(start + (k + 1) * wide), value(from), value(from + length)]
        const [low, size, foot, head] = [Math.min(a, b), Math.abs(a - b), Math.min(c, d), Math.abs(c - d)]
        const box = lying ? { x: foot, y: low, width: head, height: size } : { x: low, y: foot, width: size, height: head }
        const rect = head || from ? element('rect', { ...box, fill: at(options(trace.marker).color, i) ?? colour }) : ''
        const text = at(trace.text, i)
        if (!text || trace.textposition === 'none') return rect
        const fits = trace.textposition === 'inside' || (trace.textposition === 'auto' && head > textWidth(text) + 10)
        const fill = fits ? '#ffffff' : INK
        if (lying)
          return rect + write(text, fits ? d - 5 : d + 5, low + size / 2, { fill, 'text-anchor': fits ? 'end' : 'start' }, true)
        return rect + write(text, low + size / 2, fits ? c - 20 : d - 6, { fill, 'text-anchor': 'middle' })
      })
      .join('') + whiskers(trace, plot)
  )
}

function heatmap(trace: Trace, { px, py }: Plot): string {
  const z = trace.z as number[][]
  const [low, high] = [Number(trace.zmin ?? 0), Number(trace.zmax ?? Math.max(...z.flat()))]
  const [xs, ys] = [list(trace.x), list(trace.y)]
  const [wide, tall] = [Math.abs(px(1) - px(0)), Math.abs(py(1) - py(0))]
  return z
    .flatMap((row, i) =>
      row.map((value, j) =>
        element('rect', {
          x: px(xs[j]) - wide / 2 + 0.5,
          y: py(ys[i]) - tall / 2 + 0.5,
          width: wide - 1,
          height: tall - 1,
          fill: colourAt(trace.colorscale, (value - low) / (high - low || 1)),
        }),
      ),
    )
    .join('')
}

/** The key of a colour scale, at the right edge. */
function colourBar(traces: Trace[], top: number, height: number): string {
  const trace = traces.find(one => one.colorbar ?? options(one.marker).colorbar)
  if (!trace) return ''
  const own = options(trace.colorbar ? trace : trace.marker)
  const values = list(trace.colorbar ? (trace.z as number[][]).flat() : own.color).map(Number)
  const [low, high] = [Number(own.zmin ?? own.cmin ?? 0), Number(own.zmax ?? own.cmax ?? Math.max(...values))]
  const steps = Array.from({ length: 24 }, (_, i) =>
    element('rect', {
      x: WIDTH - 74,
      y: top + (height * (23 - i)) / 24,
      width: 13,
      height: height / 24 + 0.5,
      fill: colourAt(own.colorscale, i / 23),
    }),
  )
  const words = [0, 0.5, 1].map(share =>
    write(
      formatNumber(Number((low + share * (high - low)).toPrecision(3))),
      WIDTH - 56,
      top + height * (1 - share),
      { 'font-size': 11 },
      true,
    ),
  )
  return (
    steps.join('') + words.join('') + write(options(options(own.colorbar).title).text, WIDTH - 74, top - 24, { 'font-size': 11 })
  )
}

/** The key of the traces, in rows; and how many rows. */
function legend(figure: Figure, top: number): { svg: string; rows: number } {
  const named = figure.data.map((trace, i) => ({ trace, i })).filter(({ trace }) => trace.name && trace.showlegend !== false)
  if (figure.layout.showlegend === false || named.length < 2) return { svg: '', rows: 0 }
  let [x, row] = [14, 0]
  const svg = named.map(({ trace, i }) => {
    const wide = textWidth(trace.name) + 36
    if (x > 14 && x + wide > WIDTH - 10) [x, row] = [14, row + 1]
    const fill = String(options(trace.line).color ?? options(trace.marker).color ?? SERIES_COLOURS[i % 6])
    const y = top + row * 18
    const dash = DASH[String(options(trace.line).dash)]
    const key =
      trace.type === 'bar'
        ? element('rect', { x, y: y - 9, width: 11, height: 11, fill })
        : element('path', { d: `M${round(x)} ${round(y - 4)}h20`, stroke: fill, 'stroke-width': 2, 'stroke-dasharray': dash })
    const text = write(trace.name, x + (trace.type === 'bar' ? 16 : 25), y)
    x += wide
    return key + text
  })
  return { svg: svg.join(''), rows: row + 1 }
}

/** Ticks, grid and title of the two axes of a plot that fills the box. */
function frame({ x, y }: Plot, box: Box): string {
  const [bottom, right] = [box.top + box.height, box.left + box.width]
  const size = x.title || y.title ? 12 : 10
  const grid = (d: string) => element('path', { d, stroke: GRID, 'stroke-width': 1 })
  const crowded = x.ticks.reduce((sum, tick) => sum + textWidth(tick.text, size) + 6, 0) > box.width
  const xs = x.ticks.map(tick => {
    const place = box.left + tick.at * box.width
    const turn = crowded
      ? { 'text-anchor': 'end', transform: `rotate(-28 ${round(place)} ${round(bottom + 14)})` }
      : { 'text-anchor': 'middle' }
    return (
      (x.grid ? grid(`M${round(place)} ${round(box.top)}V${round(bottom)}`) : '') +
      write(tick.text, place, bottom + 16, { 'font-size': size, ...turn })
    )
  })
  const ys = y.ticks.map(tick => {
    const place = bottom - tick.at * box.height
    return (
      (y.grid ? grid(`M${round(box.left)} ${round(place)}H${round(right)}`) : '') +
      write(tick.text, box.left - 6, place, { 'font-size': size, 'text-anchor': 'end' }, true)
    )
  })
  const middle = box.top + box.height / 2
  const widest = Math.max(0, ...y.ticks.map(tick => textWidth(tick.text, size)))
  return [
    ...(x.visible ? xs : []),
    ...(y.visible ? ys : []),
    x.visible ? write(x.title, box.left + box.width / 2, bottom + (crowded ? 68 : 38), { 'text-anchor': 'middle' }) : '',
    y.visible
      ? write(y.title, box.left - widest - 18, middle, {
          'text-anchor': 'middle',
          transform: `rotate(-90 ${round(box.left - widest - 18)} ${round(middle)})`,
        })
      : '',
  ].join('')
}

interface Box {
  left: number
  top: number
  width: number
  height: number
}

/** Lines and words that are laid over the plots; `x2 domain` is a share of the second, `paper` of `paper`. */
function overlays(layout: Options, plots: readonly ReturnType<typeof plotOf>[], paper: Box): string {
  const of = (ref: unknown) => plots.find(({ axes }) => axes.includes(String(ref).split(' ')[0]!)) ?? plots[0]!
  const share = (ref: unknown) => (ref === 'paper' ? paper : / domain$/.test(String(ref)) ? of(ref).box : undefined)
  const right = (ref: unknown, value: unknown) => {
    const box = share(ref)
    return box ? box.left + Number(value) * box.width : of(ref).plot.px(value)
  }
  const up = (ref: unknown, value: unknown) => {
    const box = share(ref)
    return box ? box.top + (1 - Number(value)) * box.height : of(ref).plot.py(value)
  }
  const shapes = (list(layout.shapes) as Options[]).map(shape => {
    const line = options(shape.line)
    const [x0, x1, y0, y1] = [
      right(shape.xref, shape.x0),
      right(shape.xref, shape.x1),
      up(shape.yref, shape.y0),
      up(shape.yref, shape.y1),
    ]
    return element('path', {
      d: `M${round(x0)} ${round(y0)}L${round(x1)} ${round(y1)}`,
      stroke: line.color ?? INK,
      'stroke-width': Number(line.width ?? 2),
      'stroke-dasharray': DASH[String(line.dash)],
    })
  })
  const notes = (list(layout.annotations) as Options[]).map(note => {
    const font = options(note.font)
    const [x, y] = [right(note.xref, note.x), up(note.yref, note.y)]
    const anchor = { left: 'start', right: 'end' }[String(note.xanchor)] ?? 'middle'
    const values = { 'text-anchor': anchor, fill: font.color, 'font-size': Number(font.size ?? 12) }
    return write(note.text, x, y, values, note.yanchor !== 'bottom')
  })
  return shapes.join('') + notes.join('')
}

/** The traces and the two axes that share a pair of names, such as `x2` and `y2`. */
function plotOf(figure: Figure, [xName, yName]: [string, string], area: Box) {
  const { layout } = figure
  const traces = figure.data.filter(trace => (trace.xaxis ?? 'x') === xName && (trace.yaxis ?? 'y') === yName)
  const axisOf = (name: string) => options(layout[name.replace(/^[xy]/, letter => `${letter}axis`)])
  const [xAxis, yAxis] = [axisOf(xName), axisOf(yName)]
  const stacked = layout.barmode === 'stack'
  /** The traces of all axes that keep to the same scale. */
  const together = (letter: 'x' | 'y', own: string) => {
    const leader = (name: unknown) => axisOf(String(name ?? letter)).matches ?? name ?? letter
    return figure.data.filter(trace => leader(trace[`${letter}axis`]) === leader(own))
  }
  const x = scaleOf('x', together('x', xName), xAxis, stacked)
  const y = scaleOf('y', together('y', yName), yAxis, stacked)
  const [left, right] = (xAxis.domain ?? [0, 1]) as [number, number]
  const [low, high] = (yAxis.domain ?? [0, 1]) as [number, number]
  let [width, height] = [(right - left) * area.width, (high - low) * area.height]
  if (yAxis.scaleanchor) {
    const unit = Math.min(width / (x.high - x.low), height / (y.high - y.low))
    ;[width, height] = [unit * (x.high - x.low), unit * (y.high - y.low)]
  }
  const box = { left: area.left + left * area.width, top: area.top + (1 - high) * area.height, width, height }
  const plot: Plot = { x, y, px: value => box.left + x.at(value) * width, py: value => box.top + height - y.at(value) * height }
  return { axes: [xName, yName], traces, plot, box, stacked }
}

/** A figure as SVG text of 760 pixels' width, readable on light and dark pages. What strangers wrote in it is inert. */
export function figureSvg(figure: Figure): string {
  const { layout } = figure
  const height = Number(layout.height ?? 380)
  const title = options(layout.title)
  const key = legend(figure, 70)
  const pairs = [
    ...new Set(figure.data.map(trace => `${trace.xaxis ?? 'x'} ${trace.yaxis ?? 'y'}`)),
    ...(figure.data.length ? [] : ['x y']),
  ]
  const names = pairs.map(pair => pair.split(' ') as [string, string])
  const [first, ...others] = names.map(pair => plotOf(figure, pair, { left: 0, top: 0, width: 1, height: 1 }).plot) as [
    Plot,
    ...Plot[],
  ]
  const titled = [first, ...others].some(({ x }) => x.visible && x.title)
  const margin = options(layout.margin)
  const bar = figure.data.some(trace => trace.colorbar ?? options(trace.marker).colorbar)
  const left = Math.max(30, Math.max(0, ...first.y.ticks.map(tick => textWidth(tick.text))) + (first.y.title ? 34 : 12))
  const right = Math.max(bar ? 92 : 24, Number(margin.r ?? 0))
  const long = first.x.ticks.reduce((sum, tick) => sum + textWidth(tick.text) + 6, 0) > WIDTH - left - right
  const top = 64 + key.rows * 18 + (bar ? 12 : 0)
  const area = {
    left,
    top,
    width: WIDTH - left - right,
    height: height - top - (long && titled ? 80 : titled ? 50 : 26),
  }
  const plots = names.map(pair => plotOf(figure, pair, area))
  const parts = plots.map(({ traces, plot, box, stacked }) => {
    const base = stacked ? new Map<string, number>() : undefined
    const beside = base ? [] : traces.filter(trace => trace.type === 'bar')
    const drawn = traces.map(trace => {
      const i = figure.data.indexOf(trace)
      const marker = options(trace.marker)
      const colour = String(typeof marker.color === 'string' ? marker.color : SERIES_COLOURS[i % SERIES_COLOURS.length])
      if (trace.type === 'heatmap') return heatmap(trace, plot)
      if (trace.type !== 'bar') return scatter(trace, plot, colour)
      return bars(
        trace,
        plot,
        colour,
        base,
        [Math.max(0, beside.indexOf(trace)), beside.length || 1],
        Number(layout.bargap ?? 0.2),
      )
    })
    return frame(plot, box) + drawn.join('')
  })
  const { box } = plots[0]!
  const head = String(title.text ?? '')
  const size = Math.min(16, (WIDTH - 24) / (0.6 * Math.max(1, head.length)))
  const words = lines(head)[0] ?? ''
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${round(height)}" width="${WIDTH}" height="${round(height)}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="12" fill="${INK}">`,
    `<title>${inert(words)}</title>`,
    write(head, 12, 26, { 'font-size': size, 'font-weight': 600 }),
    write(options(title.subtitle).text, 12, 46),
    key.svg,
    ...parts,
    // Panels are noted in shares of the whole area, one plot in shares of its own box.
    overlays(layout, plots, names.length > 1 ? area : box),
    colourBar(figure.data, top, box.height),
    '</svg>',
  ].join('')
}
