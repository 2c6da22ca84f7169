import { Dialog } from '@/ui/Dialog'
import css from './palette.module.css'

export type KeyHelp = readonly (readonly [keys: string, does: string])[]

const ANYWHERE: KeyHelp = [
  ['?', 'these keys'],
  ['/', 'search the list'],
  ['j  k', 'next and previous row'],
  ['Enter', 'open the row'],
  ['x', 'select the row'],
]

type Props = { isOpen: boolean; onClose: () => void; keys: KeyHelp }

/** The keys of a page, and those of every page. */
export function KeysDialog({ isOpen, onClose, keys }: Props) {
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title="Keys">
      <dl className={css.keys} tabIndex={0}>
        {[...keys, ...ANYWHERE].map(([key, does]) => (
          <div key={key} style={{ display: 'contents' }}>
            <dt>{key}</dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
