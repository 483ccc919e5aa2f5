/** A mask as the strokes that made it, so that each can be taken back. */
export interface Stroke {
  erase: boolean
  width: number
  points: [number, number][]
}

function draw(context: CanvasRenderingContext2D, stroke: Stroke, colour: string): void {
  context.globalCompositeOperation = stroke.erase ? 'destination-out' : 'source-over'
  context.strokeStyle = colour
  context.lineWidth = stroke.width
  context.lineCap = context.lineJoin = 'round'
  context.beginPath()
  const [first = [0, 0], ...rest] = stroke.points
  context.moveTo(...first)
  context.lineTo(first[0] + 0.01, first[1]) // a line of no length would leave no dot
  for (const point of rest) context.lineTo(...point)
  context.stroke()
}

export class Mask {
  strokes = $state.raw<Stroke[]>([])
  undone = $state.raw<Stroke[]>([])

  get empty(): boolean {
    return this.strokes.every((one) => one.erase)
  }

  add(stroke: Stroke): void {
    this.strokes = [...this.strokes, stroke]
    this.undone = []
  }

  /** Lengthen the newest stroke. */
  extend(point: [number, number]): void {
    const last = this.strokes.at(-1)
    if (last) this.strokes = [...this.strokes.slice(0, -1), { ...last, points: [...last.points, point] }]
  }

  undo(): void {
    const last = this.strokes.at(-1)
    if (!last) return
    this.strokes = this.strokes.slice(0, -1)
    this.undone = [...this.undone, last]
  }

  redo(): void {
    const last = this.undone.at(-1)
    if (!last) return
    this.undone = this.undone.slice(0, -1)
    this.strokes = [...this.strokes, last]
  }

  clear(): void {
    this.undone = []
    this.strokes = []
  }

  /** Draw all strokes anew. */
  paint(canvas: HTMLCanvasElement, colour: string): void {
    const context = canvas.getContext('2d')
    context?.clearRect(0, 0, canvas.width, canvas.height)
    if (context) for (const stroke of this.strokes) draw(context, stroke, colour)
  }

  /** A PNG of that size: white where the picture is to be painted anew, black elsewhere. */
  async picture(width: number, height: number): Promise<Blob> {
    const [layer, whole] = [canvasOf(width, height), canvasOf(width, height)]
    this.paint(layer, '#fff')
    const context = whole.getContext('2d')
    if (!context) throw new Error('This browser cannot draw.')
    context.fillStyle = '#000'
    context.fillRect(0, 0, width, height)
    context.drawImage(layer, 0, 0)
    const blob = await new Promise<Blob | null>((resolve) => whole.toBlob(resolve, 'image/png'))
    if (!blob) throw new Error('This browser cannot write PNG files.')
    return blob
  }
}

function canvasOf(width: number, height: number): HTMLCanvasElement {
  return Object.assign(document.createElement('canvas'), { width, height })
}
