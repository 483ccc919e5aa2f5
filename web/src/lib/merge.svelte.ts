/** A frame of a swap as it will be merged: what is set for it, and its picture, which a job draws. */
import { submit, type Job } from './api'
import { ended, jobs } from './jobs.svelte'
import { CHOICES, MODE_KEYS, SLIDERS } from './swap'

export type Settings = Record<string, string | number | boolean>
interface Change {
  first: number
  last: number
  settings: Settings
}
interface Look {
  frame: number
  count: number
  settings: Settings
}

const SHIFTED = 5
/** Keys that are no letters, by what shift makes of them. */
const UNSHIFTED: Record<string, string> = { ':': ';', '}': ']', '{': '[' }
/** Keys that need not know what is set. */
const MOVES = [',', '.', '<', '>', 'v', '-', '=']
export const ZOOMS = [0, 50, 100, 200, 400] as const
const USUAL: Settings = {
  ...Object.fromEntries(SLIDERS.map(([name, , , , , value]) => [name, value])),
  ...Object.fromEntries(CHOICES.map(([name, , values]) => [name, values[0]])),
  masked_histogram: true,
}

export class Merge {
  /** Frames count from 0, as the server has them. */
  frame = $state(0)
  count = $state(0)
  settings = $state<Settings>({ ...USUAL })
  /** Whether what is set is for this frame alone. */
  alone = $state(false)
  checkers = $state(false)
  /** Percent at which the picture is shown; 0 as there is room. */
  zoom = $state<(typeof ZOOMS)[number]>(0)
  /** Tells a new picture from the old; 0 before there is one. */
  version = $state(0)
  error = $state<unknown>(null)
  private drawing = $state('')
  private changes: Change[] = []
  private sent: Change[] = []
  private wanted: number | null | undefined = undefined
  /** Whether `settings` are those of the frame; not while one is gone to. */
  private settled = false
  /** Keys that go by what is set, and those after them, until it is known. */
  private later: (() => void)[] = []

  constructor(private readonly swap: string) {}

  /** The job that draws, where one does. */
  get job(): Job | undefined {
    return this.drawing ? jobs.all.get(this.drawing) : undefined
  }

  get busy(): boolean {
    return this.drawing !== ''
  }

  /** Look at a frame: the one that was looked at last where none is named. One is drawn at a time, then the newest. */
  look(frame: number | null = this.count ? this.frame : null): void {
    const before = this.frame
    if (frame !== null && this.count) this.frame = Math.min(this.count - 1, Math.max(0, frame))
    if (frame === null || this.frame !== before) this.settled = false
    this.wanted = frame === null ? null : this.frame
    if (!this.busy) void this.draw()
  }

  private async draw(): Promise<void> {
    const [frame, changes] = [this.wanted ?? null, this.changes]
    this.wanted = undefined
    this.sent = changes
    this.changes = []
    this.error = null
    this.drawing = 'asked'
    try {
      const job = await submit('swap_frame', { swap: this.swap, frame, changes, checkers: this.checkers })
      jobs.put(job)
      this.drawing = job.id
    } catch (fault) {
      this.failed(fault)
    }
  }

  /** What was set and not kept is sent again with the next look. */
  private failed(fault: unknown): void {
    this.error = fault
    this.drawing = ''
    this.later = []
    this.changes = [...this.sent, ...this.changes]
  }

  /** To be called when `job` has changed: shows what it drew, and goes on with what is wanted meanwhile. */
  heed(): void {
    const job = this.job
    if (!job || !ended(job)) return
    this.drawing = ''
    const found = job.result as unknown as Look | null
    if (job.state === 'done' && found) {
      this.count = found.count
      this.version += 1
      if (this.wanted === undefined) {
        Object.assign(this, { frame: found.frame, settings: found.settings, settled: true })
        for (const press of this.later.splice(0)) press()
      }
    } else this.failed(new Error(job.error))
    if (this.wanted !== undefined && !this.busy) void this.draw()
  }

  /** Nobody waits any more: what only shows a frame is not drawn, what sets something is. */
  leave(): void {
    if (!this.sent.length && this.job?.state === 'queued') void fetch(`/api/jobs/${this.drawing}`, { method: 'DELETE', keepalive: true })
  }

  /** Set something, for all frames or for this one alone. */
  set(settings: Settings): void {
    this.settings = { ...this.settings, ...settings }
    if (this.alone) this.change(this.frame, this.frame, settings)
    else this.change(0, this.count - 1, settings)
    this.look()
  }

  usual(): void {
    this.set(USUAL)
  }

  /** What is set here for frames `first` to `last` too, and a look at frame `then`. */
  spread(first: number, last: number, then: number): void {
    if (first <= last) this.change(first, last, $state.snapshot(this.settings))
    this.look(then)
    this.settled = true
  }

  private change(first: number, last: number, settings: Settings): void {
    const before = this.changes.at(-1)
    if (before?.first === first && before.last === last) before.settings = { ...before.settings, ...settings }
    else this.changes = [...this.changes, { first, last, settings }]
  }

  /** What DeepFaceLab's key does, if it is one; `rest` merges all that remain. */
  press(key: string, rest: () => void): boolean {
    const act = this.action(key, rest)
    if (act && (this.later.length || (!this.settled && !MOVES.includes(key)))) this.later.push(() => this.press(key, rest))
    else act?.()
    return act !== undefined
  }

  private action(key: string, rest: () => void): (() => void) | undefined {
    const change = this.changed(key)
    return change ? () => this.set(change) : this.moves(rest)[key]
  }

  private changed(key: string): Settings | null {
    const pressed = UNSHIFTED[key] ?? key.toLowerCase()
    const mode = key.length === 1 ? MODE_KEYS['`123456'.indexOf(key)] : undefined
    if (mode) return { mode }
    const cycle = CHOICES.find(([, one]) => one && one === key)
    if (cycle) return { [cycle[0]]: following(cycle[2], String(this.settings[cycle[0]])) }
    if (key === 'z') return { masked_histogram: !this.settings.masked_histogram }
    const slider = SLIDERS.find(([, more, less]) => more === pressed || less === pressed)
    if (!slider) return null
    const [name, more, , low, high] = slider
    const by = (key === pressed ? 1 : SHIFTED) * (pressed === more ? 1 : -1)
    return { [name]: Math.min(high, Math.max(low, Number(this.settings[name]) + by)) }
  }

  private moves(rest: () => void): Record<string, () => void> {
    const [here, last] = [this.frame, this.count - 1]
    return {
      ',': () => this.look(here - 1),
      '.': () => this.look(here + 1),
      '<': () => this.look(0),
      '>': rest,
      m: () => this.spread(Math.max(0, here - 1), here - 1, here - 1),
      M: () => this.spread(0, here - 1, 0),
      '/': () => this.spread(here + 1, Math.min(last, here + 1), here + 1),
      '?': () => this.spread(here + 1, last, here),
      v: () => this.toggle(),
      '-': () => (this.zoom = ZOOMS[Math.max(0, ZOOMS.indexOf(this.zoom) - 1)] ?? 0),
      '=': () => (this.zoom = ZOOMS[Math.min(ZOOMS.length - 1, ZOOMS.indexOf(this.zoom) + 1)] ?? 0),
    }
  }

  toggle(): void {
    this.checkers = !this.checkers
    this.look()
  }
}

const following = (values: readonly string[], value: string): string =>
  values[(values.indexOf(value) + 1) % values.length] ?? value
