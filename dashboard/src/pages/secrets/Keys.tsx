import type { Secret } from '@contract/workspace'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useMayInWorkspace } from '@/app/workspace'
import { Button } from '@/ui/Button'
import { CopyButton } from '@/ui/CopyButton'
import { Icon } from '@/ui/Icon'
import { MenuItem } from '@/ui/Menu'
import { RowMenu } from '@/ui/RowMenu'
import { RemoveKeyDialog, RevealDialog, ValueDialog } from './KeyDialogs'
import css from './secrets.module.css'

type Wish = { what: 'set' | 'remove' | 'reveal'; key: string }

/** The keys of a secret, and what one may do with each. */
export function Keys({ secret }: { secret: Secret }) {
  const may = useMayInWorkspace()
  const [wish, setWish] = useState<Wish>()
  const dialog = { secret, of: wish?.key ?? '', onClose: () => setWish(undefined) }
  return (
    <>
      <ul className={css.keys}>
        {secret.keys.map((key) => (
          <li key={key}>
            <Icon name="key" />
            <span className={`mono ${css.key}`}>{key}</span>
            <CopyButton
              text={`{{secrets.${idOf(secret.name)}.${key}}}`}
              label={`Copy the reference to ${key}`}
            />
            <KeyMenu keyName={key} onWish={(what) => setWish({ what, key })} />
          </li>
        ))}
      </ul>
      {secret.keys.length === 0 && <p className="quiet">It has no keys.</p>}
      {may('secrets.update') && (
        <div>
          <Button size="small" onClick={() => setWish({ what: 'set', key: '' })}>
            <Icon name="plus" /> Add a key
          </Button>
        </div>
      )}
      <ValueDialog {...dialog} isOpen={wish?.what === 'set'} />
      <RemoveKeyDialog {...dialog} isOpen={wish?.what === 'remove'} />
      <RevealDialog {...dialog} isOpen={wish?.what === 'reveal'} />
    </>
  )
}

function KeyMenu({ keyName, onWish }: { keyName: string; onWish: (what: Wish['what']) => void }) {
  const may = useMayInWorkspace()
  if (!may('secrets.update') && !may('secrets.access')) return null
  return (
    <RowMenu label={`What to do with ${keyName}`}>
      {may('secrets.update') && <MenuItem onSelect={() => onWish('set')}>Rotate</MenuItem>}
      {may('secrets.access') && <MenuItem onSelect={() => onWish('reveal')}>Show the value</MenuItem>}
      {may('secrets.update') && <MenuItem onSelect={() => onWish('remove')}>Delete</MenuItem>}
    </RowMenu>
  )
}
