import type { Session } from '@contract/controlplane'
import { Button } from '@/ui/Button'
import { clientInWords } from '@/ui/browsers'
import { Mark } from '@/ui/Mark'
import { Ago } from '@/ui/Time'
import css from '@/ui/table.module.css'
import { exact } from '@/ui/times'
import type { Column } from '@/ui/VirtualTable'

const ORIGINS: Record<string, string> = {
  password: 'Password',
  device: 'Device code',
  link: 'Link',
  setup: 'First start',
}

export function columnsOf(onEnd: (session: Session) => void): Column<Session>[] {
  return [
    {
      id: 'client',
      label: 'Where',
      width: 'minmax(210px, 2fr)',
      cell: ({ client }) => <span title={client}>{clientInWords(client) || 'Unknown'}</span>,
    },
    {
      id: 'current',
      label: 'State',
      width: '120px',
      cell: ({ current }) => current && <Mark word="This browser" icon="check" tone="good" />,
    },
    {
      id: 'origin',
      label: 'Signed in by',
      width: 'minmax(110px, 1fr)',
      cell: ({ origin }) => ORIGINS[origin] ?? origin,
    },
    {
      id: 'address',
      label: 'Address',
      width: 'minmax(110px, 1fr)',
      cell: ({ address }) => <span className="mono">{address}</span>,
    },
    { id: 'since', label: 'Since', width: '96px', cell: ({ createTime }) => <Ago time={createTime} /> },
    {
      id: 'used',
      label: 'Last used',
      width: '96px',
      cell: ({ lastUsedTime }) => <Ago time={lastUsedTime} />,
    },
    {
      id: 'actions',
      label: 'Actions',
      width: '90px',
      // This browser signs out in the menu: there is nothing left to show afterwards.
      cell: (session) =>
        !session.current && (
          <Button
            kind="quiet"
            size="small"
            className={css.above}
            aria-label={`Sign out ${clientInWords(session.client)}, since ${exact(session.createTime ?? '')}`}
            onClick={() => onEnd(session)}
          >
            Sign out
          </Button>
        ),
    },
  ]
}
