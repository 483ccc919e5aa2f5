/** What the user is about to ask for; it outlives a reload. */
import type { Recalled } from './api'
import { keep, kept } from './preferences.svelte'
import { isStable, shelves } from './shelves.svelte'

const START = {
  prompt: '',
  negative: '',
  model: '',
  steps: null as number | null,
  guidance: null as number | null,
  sampler: '',
  schedule: '',
  width: null as number | null,
  height: null as number | null,
  seed: null as number | null,
  count: 1,
  init: '',
  strength: null as number | null,
  vae: '',
  clip_skip: 1,
  few_steps: '',
  tiling: false,
  hires: 1,
  hires_strength: 0.7,
  preview: true,
  reproducible: false,
}
export type Values = typeof START

export const draft = $state<Values>({ ...START, ...kept<Partial<Values>>('draft', {}) })

export function keepDraft(): void {
  keep('draft', $state.snapshot(draft))
}

/** The parameters of a job "create". */
export function asked(values: Values): object {
  const { prompt, negative, steps, guidance, seed, count, width, height } = values
  const model = shelves.model(values.model)
  const size = width && height ? `${width}x${height}` : null
  const init = values.init ? { init: values.init, strength: values.strength } : {}
  const request = { prompt, negative, steps, guidance, seed, count, size, model: values.model || null, ...init }
  const { preview, reproducible } = values
  return { request, reproducible, ...(isStable(model) ? { options: options(values) } : { preview }) }
}

function options(values: Values): object {
  const { sampler, schedule, clip_skip, tiling, hires } = values
  const second = hires > 1 ? { hires, hires_strength: values.hires_strength } : {}
  return { sampler, schedule, clip_skip, tiling, vae: values.vae || null, few_steps: values.few_steps || null, ...second }
}

/** Take over the settings of a picture; the names of those that have no place here. */
export function restore(found: Recalled): string[] {
  const { prompt, negative, steps, guidance, seed, width, height } = found
  const extra = new Map(Object.entries(found.extra ?? {}))
  const known = shelves.models.some((one) => one.name === found.model)
  const own = !isStable(shelves.model(found.model ?? ''))
  Object.assign(draft, {
    prompt,
    negative: negative ?? '',
    steps,
    guidance,
    seed,
    width,
    height,
    model: known ? found.model : draft.model,
    sampler: own && known ? '' : found.sampler,
    schedule: found.schedule ?? '',
    count: 1,
    init: '',
    clip_skip: Number(extra.get('Clip skip') ?? 1),
    tiling: extra.get('Tiling') === 'True',
    hires: Number(extra.get('Hires upscale') ?? 1),
    hires_strength: extra.has('Hires upscale') ? (found.strength ?? 0.7) : 0.7,
    few_steps: '',
    vae: '',
  })
  const heeded = ['Clip skip', 'Tiling', 'Hires upscale']
  const missed = [...extra.keys()].filter((name) => !heeded.includes(name))
  return known || !found.model ? missed : [`Model: ${found.model}`, ...missed]
}
