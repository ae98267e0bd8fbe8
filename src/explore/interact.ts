/** Controls above a result that is drawn anew when one of them changes. */
import { inspect } from 'node:util'
import { type MimeBundle, outputSlot, toBundle } from './display.js'
import { escapeHtml } from './html.js'
import { parameter } from './parameter.js'
import { type Channel, openWidget, type WidgetState, widgetRow } from './widget.js'

/** A slider from `min` to `max`. */
export interface Range {
  min: number
  max: number
  /** Least change. Default 1. */
  step?: number
  /** Where it begins. Default `min`. */
  value?: number
}

/** What a control is made from: text → a field, a truth value → a box to tick, a list → a menu, a range → a slider. */
export type Control = string | boolean | readonly string[] | Range

/** What a control gives. */
export type ControlValue<C extends Control> = C extends readonly (infer T)[]
  ? T
  : C extends Range
    ? number
    : C extends boolean
      ? boolean
      : string

/** The values of some controls, by name. */
export type ControlValues<C extends Record<string, Control>> = { -readonly [K in keyof C]: ControlValue<C[K]> }

/** Controls and their result, as shown. */
export interface Interaction<V extends object> {
  /** The values at this moment. */
  readonly values: Readonly<V>
  /** Sets some of the values, as a person at the controls does; resolves when the result is drawn. */
  set(changes: Partial<V>): Promise<void>
}

type Value = string | boolean | number

const isRange = (control: Control): control is Range => typeof control === 'object' && !Array.isArray(control)

/** The value a control begins with: what `--set` says, else its own. */
function firstValue(name: string, control: Control): Value {
  if (isRange(control)) return check(name, control, Number(parameter(name, String(control.value ?? control.min))))
  if (typeof control === 'boolean') return parameter(name, String(control)) === 'true'
  return check(name, control, parameter(name, Array.isArray(control) ? String(control[0]) : String(control)))
}

/** The value, or an error that says what the control takes. */
function check(name: string, control: Control, value: unknown): Value {
  const wanted = isRange(control)
    ? typeof value === 'number' && value >= control.min && value <= control.max
      ? ''
      : `a number from ${control.min} to ${control.max}`
    : Array.isArray(control)
      ? control.includes(value as string)
        ? ''
        : `one of ${control.join(', ')}`
      : typeof value === typeof control
        ? ''
        : typeof control === 'boolean'
          ? 'true or false'
          : 'text'
  if (wanted) throw new Error(`interact: ${name} is ${wanted}, not ${String(value)}`)
  return value as Value
}

/** A control as the page's widget: which one, its state, and how its value is written there. */
function widgetOf(name: string, control: Control, value: Value): WidgetState {
  const common = { description: name, disabled: false }
  if (Array.isArray(control))
    return { kind: 'Dropdown', state: { ...common, _options_labels: control, index: control.indexOf(String(value)) } }
  if (isRange(control)) {
    const { min, max, step = 1 } = control
    const kind = [min, max, step].every(Number.isInteger) ? 'IntSlider' : 'FloatSlider'
    return { kind, state: { ...common, min, max, step, value, continuous_update: false } }
  }
  if (typeof control === 'boolean') return { kind: 'Checkbox', state: { ...common, value } }
  return { kind: 'Text', state: { ...common, value, continuous_update: true } }
}

/** The controls as a line of words, for pages without widgets. */
function stillBundle(values: Record<string, Value>): MimeBundle {
  const parts = Object.entries(values).map(([name, value]): [string, string] => [name, value === '' ? '–' : String(value)])
  return {
    'text/html': `<p class="moodlake-controls">${parts.map(([name, value]) => `${escapeHtml(name)}: <strong>${escapeHtml(value)}</strong>`).join(' · ')}</p>`,
    'text/plain': parts.map(([name, value]) => `${name}: ${value}`).join(' · '),
  }
}

/**
 * Shows controls and, below them, what `draw` makes of their values; draws again when one changes. In JupyterLab they are widgets, and Stop,
 * other cells and a page opened anew leave them working; elsewhere the result is drawn once, with the values that
 * `moodlake report --set name=value` gives, else the first ones.
 * @param controls by name, such as `{ keyword: '', lang: ['all', 'en'], hour: { min: 0, max: 23 }, replies: true }`
 * @param draw gives anything that `show` takes; while it runs, further changes wait, and only the last one counts
 * @throws Error of the first `draw`, or for a `--set` value that a control does not take; later errors are shown in place of the result
 * @example await interact({ lang: ['en', 'de'] }, async ({ lang }) => sentimentOverTime(await sql`select * from gold where lang = ${lang}`))
 */
export async function interact<const C extends Record<string, Control>>(
  controls: C,
  draw: (values: ControlValues<C>) => unknown,
): Promise<Interaction<ControlValues<C>>> {
  const values: Record<string, Value> = {}
  for (const [name, control] of Object.entries(controls)) values[name] = firstValue(name, control)
  const channels = new Map<string, Channel>()
  const shown = () => ({ ...values }) as ControlValues<C>
  const redraw = latestOnly(async () => {
    try {
      output(toBundle(await draw(shown())))
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error)
      output({ 'text/html': `<p style="color:#d55e00">${escapeHtml(words)}</p>`, 'text/plain': words })
    }
  })
  const first = toBundle(await draw(shown()))
  for (const [name, control] of Object.entries(controls)) {
    const channel = openWidget(widgetOf(name, control, values[name]!), state => {
      const value = Array.isArray(control) ? control[state.index as number] : state.value
      if (value === undefined || value === values[name]) return
      values[name] = check(name, control, value)
      void redraw()
    })
    if (channel) channels.set(name, channel)
  }
  outputSlot()({ ...stillBundle(values), ...widgetRow([...channels.values()]) })
  const output = outputSlot()
  output(first)
  const interaction: Interaction<ControlValues<C>> = {
    get values() {
      return shown()
    },
    async set(changes) {
      for (const [name, value] of Object.entries(changes)) {
        const control = controls[name]
        if (control === undefined) throw new Error(`interact: no control ${name}; there are ${Object.keys(controls).join(', ')}`)
        values[name] = check(name, control, value)
        channels.get(name)?.update(widgetOf(name, control, values[name]).state)
      }
      await redraw()
    },
  }
  // For a cell that ends with the call.
  return Object.defineProperty(interaction, inspect.custom, { value: () => stillBundle(values)['text/plain'] })
}

/** Runs `work` one at a time; calls that come meanwhile are one more run at the end, which all of them wait for. */
function latestOnly(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  const run = (): Promise<void> => {
    running = work().finally(() => {
      running = undefined
    })
    return running
  }
  return () => {
    if (!running) return run()
    next ??= running.then(() => {
      next = undefined
      return run()
    })
    return next
  }
}
