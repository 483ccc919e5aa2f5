/** What this browser remembers of its user's wishes. */
export type Language = 'auto' | 'en' | 'ko'
export type Theme = 'auto' | 'light' | 'dark'

function kept<T>(name: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(`figment.${name}`)
    return text === null ? otherwise : (JSON.parse(text) as T)
  } catch {
    return otherwise
  }
}

function keep(name: string, value: unknown): void {
  try {
    localStorage.setItem(`figment.${name}`, JSON.stringify(value))
  } catch {
    // a browser that keeps nothing forgets
  }
}

class Preferences {
  language = $state<Language>(kept<Language>('language', 'auto'))
  theme = $state<Theme>(kept<Theme>('theme', 'auto'))

  /** Keep them, and tell the document; to be called in an effect. */
  apply(): void {
    keep('language', this.language)
    keep('theme', this.theme)
    document.documentElement.dataset.theme = this.theme
  }
}

export const preferences = new Preferences()
export { keep, kept }
