import type { ReactNode } from 'react'
import { Button } from './Button'
import { Icon } from './Icon'
import { Menu } from './Menu'
import css from './table.module.css'

/** What one can do with a row, at its end. */
export function RowMenu({ label, children }: { label: string; children: ReactNode }) {
  const trigger = (
    <Button kind="quiet" size="small" className={css.above} aria-label={label} title={label}>
      <Icon name="more" />
    </Button>
  )
  return (
    <Menu align="end" trigger={trigger}>
      {children}
    </Menu>
  )
}
