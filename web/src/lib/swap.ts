/** What the server tells of face swaps. */
import { call } from './api'
import type { components } from './schema'

export const STEPS = [
  'clear', 'frames src', 'frames dst', 'extract src', 'sort src', 'pack src',
  'extract dst', 'sort dst', 'pack dst', 'train', 'merge', 'video',
] as const // prettier-ignore
export type StepName = (typeof STEPS)[number]

export interface StepState {
  step: StepName
  state: 'none' | 'begun' | 'done'
  stale: string[]
  settings: Record<string, unknown>
  figures: Record<string, string | number>
}

export type Swap = Omit<components['schemas']['SwapView'], 'steps'> & { steps: StepState[] }

export interface ConsentRecord {
  id: string
  alias: string
  subject: string
  withdrawn: boolean
}

export interface Ledger {
  statement: { en: string; ko: string }
  records: ConsentRecord[]
}

export const swapOf = (name: string): Promise<Swap> => call(`/api/swaps/${encodeURIComponent(name)}`)

/** The path of a picture or clip of a workspace; `version` tells a new one from the old. */
export const shownOf = (swap: string, which: string, version = 0): string =>
  `/api/swaps/${encodeURIComponent(swap)}/files/${which}?v=${version}`

/** Settings of a merge that go by more and less, with their keys, DeepFaceLab's where it has them, bounds and usual value. */
export const SLIDERS = [
  ['threshold', 'q', 'a', 0, 255, 238],
  ['erode', 'w', 's', -400, 400, 0],
  ['blur', 'e', 'd', 0, 400, 0],
  ['motion_blur', 'r', 'f', 0, 100, 0],
  ['super_resolution', 't', 'g', 0, 100, 0],
  ['sharpness', 'y', 'h', -100, 100, 0],
  ['face_scale', 'u', 'j', -50, 50, 0],
  ['fit', ']', '[', 0, 100, 100],
  ['denoise', 'i', 'k', 0, 500, 0],
  ['bicubic_degrade', 'o', 'l', 0, 100, 0],
  ['colour_degrade', 'p', ';', 0, 100, 0],
] as const

/** Settings of a merge that are one of several, with the key that goes to the next; the first is the usual one. */
export const CHOICES = [
  ['mode', '', ['overlay', 'original', 'hist-match', 'seamless', 'seamless-hist-match', 'raw-rgb', 'raw-predict']],
  ['mask', 'x', ['learned-prd*learned-dst', 'full', 'dst', 'learned-prd', 'learned-dst', 'learned-prd+learned-dst']],
  ['colour', 'c', ['rct', 'lct', 'mkl', 'idt', 'sot', 'mix', 'none']],
  ['sharpen', 'n', ['none', 'box', 'gauss']],
] as const
export const MODE_KEYS = ['original', 'overlay', 'hist-match', 'seamless', 'seamless-hist-match', 'raw-rgb', 'raw-predict']
