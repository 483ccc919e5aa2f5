/** The user's jobs, kept up to date by the server; what comes in is shown once a frame. */
import { SvelteMap } from 'svelte/reactivity'
import { call, type Job } from './api'

const KINDS_OF_EVENT = ['queued', 'running', 'progress', 'done', 'failed', 'cancelled']
const AGAIN = 5000
/** Kinds that are shown again when the page is loaded; looks at frames pass. */
const KEPT = ['compare', 'create', 'enlarge', 'sample', 'swap', 'train', 'verify'].map((kind) => `&kind=${kind}`).join('')

class Jobs {
  readonly all = new SvelteMap<string, Job>()
  connected = $state(false)
  private waiting = new Map<string, Job>()

  /** Jobs of these kinds, newest first. */
  of(...kinds: string[]): Job[] {
    const found = [...this.all.values()].filter((job) => kinds.includes(job.kind))
    return found.sort((a, b) => b.created - a.created)
  }

  get active(): number {
    return [...this.all.values()].filter((job) => job.state === 'running' || job.state === 'queued').length
  }

  put(job: Job): void {
    if (this.waiting.size === 0) {
      requestAnimationFrame(() => {
        for (const one of this.waiting.values()) this.all.set(one.id, one)
        this.waiting.clear()
      })
    }
    const before = this.waiting.get(job.id) ?? this.all.get(job.id)
    if (!before || before.updated <= job.updated) this.waiting.set(job.id, job)
  }

  /** Follow the server for as long as the page is open. */
  follow(): void {
    const source = new EventSource('/api/events')
    for (const name of KINDS_OF_EVENT) {
      source.addEventListener(name, (event: MessageEvent<string>) => this.put(JSON.parse(event.data) as Job))
    }
    source.onopen = async () => {
      this.connected = true
      for (const job of await call<Job[]>(`/api/jobs?limit=60${KEPT}`).catch(() => [])) this.put(job)
    }
    source.onerror = () => {
      this.connected = false
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.follow(), AGAIN)
    }
  }
}

export const jobs = new Jobs()

export const ended = (job: Job): boolean => ['done', 'failed', 'cancelled'].includes(job.state)
