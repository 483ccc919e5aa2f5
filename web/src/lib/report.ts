/** What a job "verify" found, as far as the page shows it. */
import type { Job } from './api'

export const VERDICTS = ['signed', 'altered input', 'altered', 'foreign', 'marked', 'claimed', 'nothing'] as const
export type Verdict = (typeof VERDICTS)[number]

export interface Manifest {
  state: 'trusted' | 'untrusted' | 'invalid' | 'none'
  title: string
  issuer: string
  generator: string
  actions: { name: string; source_type: string }[]
  facts: { model?: { name?: string } }
  problems: string[]
  ingredients: Manifest[]
}

export interface Report {
  verdict: Verdict
  headline: string
  reasons: string[]
  credentials: Manifest
  watermark: { not_examined: string; present: boolean; score: number }
  metadata: { parameters: string; source_type: string; creator_tool: string }
}

export const reportOf = (job: Job | undefined): Report | null => (job?.result?.report as Report | undefined) ?? null
