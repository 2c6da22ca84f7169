import type { ReactNode } from 'react'
import { CopyCommand } from './CopyCommand'
import css from './empty.module.css'
import { Icon, type IconName } from './Icon'

type Props = { icon: IconName; title: string; command?: string; children?: ReactNode }

/** Where there is nothing yet: what would be here, and the very command that fills it. */
export function EmptyState({ icon, title, command, children }: Props) {
  return (
    <div className={css.empty}>
      <span className={css.icon}>
        <Icon name={icon} size={28} />
      </span>
      <h2>{title}</h2>
      {children && <div className={css.words}>{children}</div>}
      {command && <CopyCommand command={command} />}
    </div>
  )
}
