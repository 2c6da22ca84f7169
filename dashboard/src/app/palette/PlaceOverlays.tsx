import { lazy } from 'react'
import { Overlays } from './Overlays'
import type { PlacePage } from './PlacePalette'

const PlacePalette = lazy(async () => ({ default: (await import('./PlacePalette')).PlacePalette }))

/** The palette and the keys outside of projects: over the pages of an organization, a workspace, an account. */
export function PlaceOverlays({ pages }: { pages: PlacePage[] }) {
  return (
    <Overlays
      keys={[
        ['Ctrl K', 'go to a page, project, workspace or organization, or do something'],
        ...pages.map(({ key, label }) => [`g ${key}`, `go to ${label.toLowerCase()}`] as const),
      ]}
      palette={(close) => <PlacePalette pages={pages} onClose={close} />}
    />
  )
}
