import { copyEntry, entryOf, themeEntries } from './entries'
import { Palette } from './Palette'
import { usePlaces } from './usePlaces'

/** A page of the side bar, and the key that goes there after `g`. */
export type PlacePage = { label: string; key: string; go: () => void }

/** Goes to the pages beside this one, and anywhere else. */
export function PlacePalette({ pages, onClose }: { pages: PlacePage[]; onClose: () => void }) {
  const places = usePlaces()
  const entries = [
    ...pages.map(({ label, go }) => entryOf('Page', label, go)),
    ...places.entries,
    ...themeEntries(),
    copyEntry('the address of this page', location.href),
  ]
  return (
    <Palette
      what="Page, project, workspace"
      entries={entries}
      isPending={places.isPending}
      error={null}
      onClose={onClose}
    />
  )
}
