import type { SavedView } from '@contract/workspace'
import { useState } from 'react'
import { Button } from '@/ui/Button'
import { Icon } from '@/ui/Icon'
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuLine } from '@/ui/Menu'
import css from './runs.module.css'
import { useMayView, useViews } from './useViews'
import { DeleteView, RenameView, SaveView, ShareView, UpdateView } from './ViewDialogs'
import { currentOf, type Look, lookThrough, namedOf, orderOf, titleOf } from './views'

type Props = { look: Look; columns: string[]; onLook: (look: Look) => void }
type Asked = 'save' | 'update' | 'rename' | 'share' | 'delete'

/** The saved views: look through one, keep what is shown as one, and look after the present one. */
export function ViewsMenu({ look, columns, onLook }: Props) {
  const views = useViews()
  const may = useMayView()
  const [asked, setAsked] = useState<{ what: Asked; view?: SavedView | undefined }>()
  const current = currentOf(views, look)
  const left = useLeft(views, look, current)
  const ask = (what: Asked) => () => setAsked({ what, view: current ?? left })
  const close = () => setAsked(undefined)
  const shown = { filter: look.q ?? '', columns, orderBy: orderOf(look.order) }
  const shared = views.filter(({ scope }) => scope === 'SAVED_VIEW_SCOPE_SHARED')
  const own = views.filter((view) => !shared.includes(view))
  const trigger = (
    <Button size="small">
      <Icon name="layers" />{' '}
      {current ? <span className={`cut ${css.view}`}>{titleOf(current)}</span> : 'Views'}
    </Button>
  )
  if (views.length === 0 && !may.save) return null
  const dialog = (what: Asked) => ({ isOpen: asked?.what === what, onClose: close, view: asked?.view })
  return (
    <>
      <Menu align="end" trigger={trigger}>
        <Group label="Shared views" views={shared} current={current} onLook={onLook} />
        <Group label="Your views" views={own} current={current} onLook={onLook} />
        {views.length > 0 && may.save && <MenuLine />}
        {may.save && <MenuItem onSelect={ask('save')}>Save as a view …</MenuItem>}
        {left && may.update(left) && (
          <MenuItem onSelect={ask('update')}>
            <span className="cut">Update “{titleOf(left)}” …</span>
          </MenuItem>
        )}
        {current && may.update(current) && <MenuItem onSelect={ask('rename')}>Rename this view …</MenuItem>}
        {current && may.share(current) && <MenuItem onSelect={ask('share')}>Share this view …</MenuItem>}
        {current && may.delete(current) && <MenuItem onSelect={ask('delete')}>Delete this view …</MenuItem>}
      </Menu>
      <SaveView {...dialog('save')} shown={shown} mayShare={may.saveForAll} onSaved={onLook} />
      <UpdateView {...dialog('update')} shown={shown} onSaved={onLook} />
      <RenameView {...dialog('rename')} />
      <ShareView {...dialog('share')} />
      <DeleteView {...dialog('delete')} />
    </>
  )
}

/** The view that one looked through before the filter, the columns or the order were changed. */
function useLeft(views: SavedView[], look: Look, current: SavedView | undefined): SavedView | undefined {
  // Some links show what a view does without naming it.
  const [uid, setUid] = useState<string>()
  if (current && current.uid !== uid) setUid(current.uid)
  return current ? undefined : (namedOf(views, look) ?? views.find((view) => view.uid === uid))
}

type GroupProps = {
  label: string
  views: SavedView[]
  current: SavedView | undefined
  onLook: (look: Look) => void
}

function Group({ label, views, current, onLook }: GroupProps) {
  if (views.length === 0) return null
  const choose = (name: string) => {
    const view = views.find((each) => each.name === name)
    if (view) onLook(lookThrough(view))
  }
  return (
    <>
      <MenuLabel>{label}</MenuLabel>
      <MenuChoice
        value={current?.name ?? ''}
        onChoose={choose}
        choices={views.map((view) => [view.name, titleOf(view)] as const)}
      />
    </>
  )
}
