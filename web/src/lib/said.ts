/** Sentences that the server says in English, in the language that is wished for, where they are known. */
import korean from '../strings/said.json'
import en from '../strings/en.json'
import { language, t, type Key } from './language.svelte'

interface Known {
  pattern: RegExp
  names: string[]
  words: string
}

const PLACE = /\{(\w+)\}/g
const plain = (text: string): number => text.replace(PLACE, '').length

/** Those that say most come first: they fit least. */
const known: Known[] = Object.entries(korean)
  .sort(([one], [other]) => plain(other) - plain(one))
  .map(([english, words]) => {
    const names = [...english.matchAll(PLACE)].map((one) => one[1] ?? '')
    const parts = english.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    return { pattern: new RegExp(`^${parts.join('(.*?)')}$`, 's'), names, words }
  })

/** The name of a figure of a step or a training. */
export const figure = (name: string): string => (`figure.${name}` in en ? t(`figure.${name}` as Key) : name)

/** What the server said; what stands in its places may be known words as well. */
export function said(text: string): string {
  if (language() !== 'ko') return text
  for (const { pattern, names, words } of known) {
    const found = pattern.exec(text)
    if (found) return words.replace(PLACE, (_, name: string) => said(found[names.indexOf(name) + 1] ?? ''))
  }
  return text
}
