/** Widgets of the page (Jupyter widgets, model version 2.0), where the kernel has a channel to it. */

/** The state that a page and a kernel share about a widget: https://github.com/jupyter-widgets/ipywidgets/blob/main/packages/schema/messages.md */
export interface WidgetState {
  /** Name of the widget, such as `Dropdown`. */
  kind: string
  state: Record<string, unknown>
}

/** An open widget. */
export interface Channel {
  /** The widget's id, by which others refer to it. */
  id: string
  /** Tells the page a changed state. */
  update(state: Record<string, unknown>): void
}

type OpenComm = (
  target: string,
  data: object,
  metadata: object,
  onMessage: (data: { method?: string; state?: Record<string, unknown> }) => void,
) => { id: string; send(data: object): void }

const CONTROLS = '@jupyter-widgets/controls'
const BASE = '@jupyter-widgets/base'

/** The whole state of a widget, with where the page finds its model and view. */
function fullState({ kind, state }: WidgetState, module = CONTROLS): Record<string, unknown> {
  return {
    ...{ _model_module: module, _model_module_version: '2.0.0', _model_name: `${kind}Model` },
    ...{ _view_module: module, _view_module_version: '2.0.0', _view_name: `${kind}View` },
    ...state,
  }
}

/**
 * Opens a widget; undefined where there is no channel to a page.
 * @param onChange hears of what a person changed
 */
export function openWidget(
  widget: WidgetState,
  onChange: (state: Record<string, unknown>) => void,
  module = CONTROLS,
): Channel | undefined {
  const openComm = Reflect.get(globalThis, Symbol.for('moodlake.comm')) as OpenComm | undefined
  if (!openComm) return undefined
  const state = fullState(widget, module)
  const comm = openComm('jupyter.widget', { state, buffer_paths: [] }, { version: '2.1.0' }, ({ method, state: changed }) => {
    if (method === 'request_state') comm.send({ method: 'update', state, buffer_paths: [] })
    if (method !== 'update' || !changed) return
    Object.assign(state, changed)
    onChange(changed)
  })
  const update = (changed: Record<string, unknown>) => {
    Object.assign(state, changed)
    comm.send({ method: 'update', state: changed, buffer_paths: [] })
  }
  return { id: comm.id, update }
}

/** The output that shows widgets beside each other, on as many lines as they need; empty without widgets. */
export function widgetRow(widgets: readonly Channel[]): Record<string, unknown> {
  const none = () => {}
  if (!widgets.length) return {}
  const layout = openWidget({ kind: 'Layout', state: { flex_flow: 'row wrap' } }, none, BASE)!
  const children = widgets.map(({ id }) => `IPY_MODEL_${id}`)
  const row = openWidget({ kind: 'HBox', state: { children, layout: `IPY_MODEL_${layout.id}` } }, none)!
  return { 'application/vnd.jupyter.widget-view+json': { version_major: 2, version_minor: 0, model_id: row.id } }
}
