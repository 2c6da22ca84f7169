import { LeaveOrganization } from '@contract/controlplane'
import { useState } from 'react'
import { basePath } from '@/api/client'
import { idOf, type Organization } from '@/api/session'
import { useSession } from '@/app/SessionGate'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Named } from '@/ui/Named'
import { client, useAccountChange } from './account'
import css from './account.module.css'

/** Where one belongs, and the way out. */
export function Memberships() {
  const { organizations } = useSession()
  const [leaving, setLeaving] = useState<Organization>()
  if (organizations.length === 0) return null
  return (
    <section className={css.section}>
      <h2>Organizations</h2>
      <ul className={css.rows}>
        {organizations.map((each) => (
          <li key={each.name}>
            <Named detail={idOf(each.name)}>{each.displayName || idOf(each.name)}</Named>
            <Button
              kind="quiet"
              size="small"
              aria-label={`Leave ${each.displayName || idOf(each.name)}`}
              onClick={() => setLeaving(each)}
            >
              Leave …
            </Button>
          </li>
        ))}
      </ul>
      <LeaveDialog organization={leaving} onClose={() => setLeaving(undefined)} />
    </section>
  )
}

type Props = { organization: Organization | undefined; onClose: () => void }

function LeaveDialog({ organization, onClose }: Props) {
  const leave = useAccountChange((name: string) => client.call(LeaveOrganization, { name }))

  function close() {
    leave.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={!!organization}
      onClose={close}
      title={`Leave ${organization?.displayName}?`}
      verb="Leave"
      isDangerous
      onConfirm={() =>
        organization &&
        // What this tab holds may be of that organization.
        leave.mutate(organization.name, { onSuccess: () => location.assign(`${basePath()}/`) })
      }
      isBusy={leave.isPending}
      error={leave.error}
    >
      <p className="quiet">All that you hold there is gone at once. An administrator can invite you again.</p>
    </ConfirmDialog>
  )
}
