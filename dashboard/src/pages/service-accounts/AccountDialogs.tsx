import {
  DeleteServiceAccount,
  DisableServiceAccount,
  EnableServiceAccount,
  type ServiceAccount,
  UpdateServiceAccount,
} from '@contract/controlplane'
import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { useChange, useOrganization } from '@/app/organization'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { AccountFields, textsOf } from './AccountFields'

export type AccountWish = 'update' | 'disable' | 'enable' | 'delete'

const route = getRouteApi('/o/$organization/service-accounts/$account')
const VERBS = { update: 'Save', disable: 'Disable', enable: 'Enable', delete: 'Delete' }
const WORDS = {
  update: '',
  disable: 'Its tokens are dead at once, everywhere, and it gets no new ones. Its keys and grants stay.',
  enable: 'It signs in again with the keys and grants that it had. Tokens from before stay dead.',
  delete: 'Its keys and grants go with it, and what signs in as it stops. This cannot be undone.',
}

type Props = { account: ServiceAccount; wish: AccountWish | undefined; onClose: () => void }

/** The one dialog of the page, for whichever change somebody wants. */
export function AccountDialogs({ account, wish: wanted, onClose }: Props) {
  const wish = wanted ?? 'update'
  const change = useAccountChange(account)
  const navigate = route.useNavigate()
  const name = account.displayName || idOf(account.name)

  function close() {
    change.reset()
    onClose()
  }
  function done() {
    close()
    if (wish === 'delete') void navigate({ to: '/o/$organization/service-accounts' })
  }
  return (
    <ConfirmDialog
      isOpen={!!wanted}
      onClose={close}
      title={wish === 'update' ? `Edit ${name}` : `${VERBS[wish]} ${name}?`}
      verb={VERBS[wish]}
      isDangerous={wish === 'delete' || wish === 'disable'}
      onConfirm={(form) => change.mutate({ wish, form }, { onSuccess: done })}
      isBusy={change.isPending}
      error={change.error}
    >
      {wish === 'update' ? <AccountFields account={account} /> : <p className="quiet">{WORDS[wish]}</p>}
    </ConfirmDialog>
  )
}

function useAccountChange({ name, etag }: ServiceAccount) {
  const { client, key } = useOrganization()
  const queries = useQueryClient()
  return useChange(async ({ wish, form }: { wish: AccountWish; form: FormData }) => {
    if (wish === 'disable') return client.call(DisableServiceAccount, { name, etag })
    if (wish === 'enable') return client.call(EnableServiceAccount, { name, etag })
    if (wish === 'update') {
      const serviceAccount = { name, etag, ...textsOf(form) }
      return client.call(UpdateServiceAccount, { serviceAccount, updateMask: 'displayName,description' })
    }
    await client.call(DeleteServiceAccount, { name, etag })
    // It is not there to be read anew.
    queries.removeQueries({ queryKey: [...key, 'service-account', idOf(name)] })
  })
}
