import type { PersonalAccessToken } from '@contract/controlplane'
import { idOf } from '@/api/session'
import { Button } from '@/ui/Button'
import { Mark } from '@/ui/Mark'
import { Named } from '@/ui/Named'
import { Ago, Ends } from '@/ui/Time'
import css from '@/ui/table.module.css'
import type { Column } from '@/ui/VirtualTable'

/** Columns of personal access tokens; rows can be revoked where `onRevoke` is given. */
export function columnsOf(onRevoke?: (token: PersonalAccessToken) => void): Column<PersonalAccessToken>[] {
  return [
    {
      id: 'token',
      label: 'For',
      width: 'minmax(200px, 1.4fr)',
      cell: ({ displayName, prefix }) => <Named detail={`${prefix}…`}>{displayName}</Named>,
    },
    {
      id: 'may',
      label: 'May',
      width: 'minmax(140px, 1fr)',
      cell: ({ scopes }) => <May scopes={scopes} />,
    },
    { id: 'made', label: 'Made', width: '96px', cell: ({ createTime }) => <Ago time={createTime} /> },
    {
      id: 'used',
      label: 'Last used',
      width: '96px',
      cell: ({ lastUsedTime }) => <Ago time={lastUsedTime} />,
    },
    { id: 'ends', label: 'Ends', width: '130px', cell: ({ expireTime }) => <Ends time={expireTime} /> },
    ...(onRevoke
      ? [
          {
            id: 'actions',
            label: 'Actions',
            width: '80px',
            cell: (token: PersonalAccessToken) => (
              <Button
                kind="quiet"
                size="small"
                className={css.above}
                aria-label={`Revoke ${token.displayName}`}
                onClick={() => onRevoke(token)}
              >
                Revoke
              </Button>
            ),
          },
        ]
      : []),
  ]
}

function May({ scopes }: { scopes: string[] }) {
  if (scopes.length === 0) return <Mark word="Everything" icon="warn" tone="warn" />
  const words = scopes.map((scope) => (scope.includes('/') ? `what ${idOf(scope)} may` : scope)).join(', ')
  return <span title={words}>{words}</span>
}
