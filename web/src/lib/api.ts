/** Calls of the studio's own interface. */
import type { components } from './schema'

type Schemas = components['schemas']
export type Job = Schemas['JobView']
export type Choice = Schemas['Choice']
export type Picture = Schemas['Picture']
export type Reading = Schemas['Reading']
export type Recalled = Schemas['Settings']
export type Account = Schemas['Account']

export interface Family {
  name: string
  about: string
  about_ko: string
  stages: string[]
  presets: string[]
}

export interface Catalogue {
  samplers: string[]
  schedules: string[]
  curves: Record<string, number[]>
  upscalers: string[]
  families: Family[]
  datasets: string[]
}

export interface Made {
  path: string
  settings: string
}

export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly retryAfter: number,
  ) {
    super(message)
  }
}

async function refusal(answer: Response): Promise<Refusal> {
  const said: unknown = await answer.json().catch(() => null)
  const detail =
    typeof said === 'object' && said !== null && 'detail' in said ? String(said.detail) : answer.statusText
  return new Refusal(answer.status, detail, Number(answer.headers.get('Retry-After') ?? 0))
}

/** The answer's JSON. Throws Refusal with the server's sentence. */
export async function call<T>(path: string, method = 'GET', body?: unknown): Promise<T> {
  const json = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }
  const answer = await fetch(path, { method, ...json })
  if (!answer.ok) throw await refusal(answer)
  return (answer.status === 204 ? undefined : await answer.json()) as T
}

export const submit = (kind: string, parameters: object): Promise<Job> =>
  call('/api/jobs', 'POST', { kind, parameters })

export const cancel = (id: string): Promise<Job> => call(`/api/jobs/${id}`, 'DELETE')

/** Send a file; the name by which jobs find it. */
export async function upload(content: Blob, name: string): Promise<string> {
  const answer = await fetch(`/api/uploads/${encodeURIComponent(name)}`, { method: 'PUT', body: content })
  if (!answer.ok) throw await refusal(answer)
  return ((await answer.json()) as { file: string }).file
}

/** A file's name as part of a path. */
export const inPath = (file: string): string => file.split('/').map(encodeURIComponent).join('/')

/** The path that shows a file of one's own. */
export const shown = (file: string): string => `/api/files/${inPath(file)}`

/** What a job has made so far or at its end. */
export function made(job: Job): Made[] {
  const files: unknown = job.result?.files
  return Array.isArray(files) ? (files as Made[]) : []
}
