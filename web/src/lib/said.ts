/** Sentences that the server says in English, in the language that is wished for, where they are known. */
import korean from '../strings/said.json'
import { language } from './language.svelte'

interface Known {
  pattern: RegExp
  names: string[]
  words: string
}

const known: Known[] = Object.entries(korean).map(([english, words]) => {
  const names = [...english.matchAll(/\{(\w+)\}/g)].map((one) => one[1] ?? '')
  const parts = english.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return { pattern: new RegExp(`^${parts.join('(.+?)')}$`, 's'), names, words }
})

/** What the server said; what stands in its places may be known words as well. */
export function said(text: string): string {
  if (language() !== 'ko') return text
  for (const { pattern, names, words } of known) {
    const found = pattern.exec(text)
    if (found) return words.replace(/\{(\w+)\}/g, (_, name: string) => said(found[names.indexOf(name) + 1] ?? ''))
  }
  return text
}
