/** The page's words, in the language that is wished for. */
import en from '../strings/en.json'
import ko from '../strings/ko.json'
import { preferences } from './preferences.svelte'

export type Key = keyof typeof en

const tables: { en: Record<Key, string>; ko: Record<Key, string> } = { en, ko }

export function language(): 'en' | 'ko' {
  const wished = preferences.language === 'auto' ? navigator.language : preferences.language
  return wished.startsWith('ko') ? 'ko' : 'en'
}

/** The words of `key`, with {names} replaced by `values`. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return tables[language()][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}

/** Seconds in words: "1:05", "2:03:10". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const shown = parts[0] ? parts : parts.slice(1)
  return shown.map((part, place) => (place ? String(part).padStart(2, '0') : String(part))).join(':')
}

export function date(seconds: number): string {
  return new Date(seconds * 1000).toLocaleString(language(), { dateStyle: 'medium', timeStyle: 'short' })
}

export function size(bytes: number): string {
  const unit = bytes >= 1e9 ? 'gigabyte' : bytes >= 1e6 ? 'megabyte' : 'kilobyte'
  const value = bytes / { gigabyte: 1e9, megabyte: 1e6, kilobyte: 1e3 }[unit]
  return new Intl.NumberFormat(language(), { style: 'unit', unit, maximumFractionDigits: 1 }).format(value)
}
