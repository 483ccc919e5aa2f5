/** Where in the page one is: "#/gallery/outputs/a.png" is the screen "gallery" and the rest "outputs/a.png". */
export const SCREENS = ['create', 'edit', 'gallery', 'verify', 'train', 'swap', 'settings'] as const
export type Screen = (typeof SCREENS)[number]

function read(): { screen: Screen; rest: string } {
  const [name = '', ...rest] = location.hash.replace(/^#\/?/, '').split('/')
  const screen = SCREENS.find((one) => one === name) ?? 'create'
  return { screen, rest: rest.map(plain).join('/') }
}

function plain(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

class Route {
  at = $state.raw(read())

  constructor() {
    addEventListener('hashchange', () => (this.at = read()))
  }
}

export const route = new Route()

export function address(screen: Screen, rest = ''): string {
  return `#/${screen}${rest && '/'}${rest.split('/').map(encodeURIComponent).join('/')}`
}

export function go(screen: Screen, rest = ''): void {
  location.hash = address(screen, rest)
}
