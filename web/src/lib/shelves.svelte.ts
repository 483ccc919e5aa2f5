/** What there is to choose from. */
import { call, submit, type Catalogue, type Choice } from './api'

const EMPTY: Catalogue = { samplers: [], schedules: [], curves: {}, upscalers: [], families: [], datasets: [] }
const AGAIN = 1500

class Shelves {
  models = $state.raw<Choice[]>([])
  loras = $state.raw<Choice[]>([])
  vaes = $state.raw<Choice[]>([])
  catalogue = $state.raw<Catalogue>(EMPTY)

  /** Ask the server; the catalogue until a worker has written it. */
  async load(): Promise<void> {
    const shelf = (name: string): Promise<Choice[]> => call<Choice[]>(`/api/shelves/${name}`)
    const [models, loras, vaes, catalogue] = await Promise.all([
      shelf('models'),
      shelf('loras'),
      shelf('vaes'),
      call<Catalogue>('/api/catalogue'),
    ])
    Object.assign(this, { models, loras, vaes, catalogue })
    if (catalogue.samplers.length === 0) setTimeout(() => void this.load().catch(() => undefined), AGAIN)
  }

  /** Look at the folders again, for files that have come since. */
  async refresh(): Promise<void> {
    const { id } = await submit('refresh', {})
    const source = new EventSource(`/api/events?job=${id}`)
    for (const name of ['done', 'failed', 'cancelled']) {
      source.addEventListener(name, () => {
        source.close()
        void this.load().catch(() => undefined)
      })
    }
  }

  /** The model called `name`, or the one that is taken where none is named. */
  model(name: string): Choice | undefined {
    return this.models.find((one) => one.name === name) ?? this.models.find((one) => one.default)
  }
}

export const shelves = new Shelves()

/** Whether a model is Stable Diffusion, which has samplers, LoRAs and all else. */
export const isStable = (model: Choice | undefined): boolean => model?.place === 'dropped'
