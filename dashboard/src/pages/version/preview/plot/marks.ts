// Traces as SVG paths: one for each trace and kind of mark, however many points there are.
import type { Figure, Trace } from './figure'
import { extent } from './scale'

export const WIDTH = 760
export const HEIGHT = 400
export const LEFT = 72
export const TOP = 14
const RIGHT = 18
const BOTTOM = 56
export const INNER_WIDTH = WIDTH - LEFT - RIGHT
export const INNER_HEIGHT = HEIGHT - TOP - BOTTOM
// Of what a word has for itself, bars fill so much.
const FILLED = 0.8
export const SHADES = 16

export type Point = { x: number; y: number }

export function xAt(place: number): number {
  return LEFT + place * INNER_WIDTH
}

export function yAt(place: number): number {
  return TOP + (1 - place) * INNER_HEIGHT
}

export function pointsOf({ xs, ys }: Trace, { x, y }: Figure): Point[] {
  return xs.map((value, at) => ({ x: xAt(x.placeOf(value)), y: yAt(y.placeOf(ys[at] ?? Number.NaN)) }))
}

/** Through the points that have a place; broken where one has none. */
export function lineOf(points: readonly Point[]): string {
  let isDrawn = false
  return points
    .map(({ x, y }) => {
      const verb = isDrawn ? 'L' : 'M'
      isDrawn = Number.isFinite(x) && Number.isFinite(y)
      return isDrawn ? `${verb}${x.toFixed(1)} ${y.toFixed(1)}` : ''
    })
    .join('')
}

export function dotsOf(points: readonly Point[]): string {
  return points
    .filter(isPlaced)
    .map(({ x, y }) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`)
    .join('')
}

/** Bars of the trace that is the `at`-th of `count` beside each other. */
export function barsOf(points: readonly Point[], figure: Figure, at: number, count: number): string {
  const room = figure.x.band * INNER_WIDTH * FILLED
  const width = Math.max(room / count, 0.5)
  const ground = yAt(Math.min(1, Math.max(0, figure.y.placeOf(0))))
  return points
    .filter(isPlaced)
    .map(
      ({ x, y }) =>
        `M${(x - room / 2 + at * width).toFixed(1)} ${ground}V${y.toFixed(1)}h${width.toFixed(1)}V${ground}z`,
    )
    .join('')
}

/** Cells by their shade, from the lowest number to the highest. */
export function cellsOf(trace: Trace, points: readonly Point[], { x, y }: Figure): string[] {
  const [lowest, highest] = extent(trace.zs)
  const [width, height] = [x.band * INNER_WIDTH, y.band * INNER_HEIGHT]
  const shades = Array.from({ length: SHADES }, () => '')
  for (const [at, point] of points.entries()) {
    const z = trace.zs[at] ?? Number.NaN
    const part = highest > lowest ? (z - lowest) / (highest - lowest) : 1
    const shade = Math.min(SHADES - 1, Math.floor(part * SHADES))
    if (!Number.isFinite(z) || !isPlaced(point)) continue
    const [left, top] = [point.x - width / 2, point.y - height / 2]
    shades[shade] +=
      `M${left.toFixed(1)} ${top.toFixed(1)}h${width.toFixed(1)}v${height.toFixed(1)}h${(-width).toFixed(1)}z`
  }
  return shades
}

/** The point nearest to a place, and how far it is. */
export function nearest(points: readonly Point[], { x, y }: Point): { at: number; far: number } {
  let [found, least] = [-1, Number.POSITIVE_INFINITY]
  for (const [at, point] of points.entries()) {
    const far = (point.x - x) ** 2 + (point.y - y) ** 2
    if (far < least) [found, least] = [at, far]
  }
  return { at: found, far: least }
}

function isPlaced({ x, y }: Point): boolean {
  return Number.isFinite(x) && Number.isFinite(y)
}
