import { DeleteIdentityProvider, type IdentityProvider, UpdateIdentityProvider } from '@contract/controlplane'
import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { useChange, useOrganization } from '@/app/organization'
import { ConfirmDialog } from '@/ui/ConfirmDialog'

export type ProviderWish = 'disable' | 'enable' | 'delete'

const route = getRouteApi('/o/$organization/identity-providers/$provider')
const WORDS = {
  disable: ['Disable', 'Nobody signs in through it any more. Who is signed in stays so.'],
  enable: ['Enable', 'People sign in through it again.'],
  delete: [
    'Delete',
    'People keep their accounts and sessions, and leave the teams that its groups put them into.',
  ],
} as const

type Props = { provider: IdentityProvider; wish: ProviderWish | undefined; onClose: () => void }

/** Asks before something is done with a provider. */
export function ProviderActs({ provider, wish, onClose }: Props) {
  const change = useActs(provider)
  const navigate = route.useNavigate()
  const [verb, words] = WORDS[wish ?? 'enable']

  function close() {
    change.reset()
    onClose()
  }
  function done() {
    close()
    if (wish === 'delete') void navigate({ to: '/o/$organization/identity-providers' })
  }
  return (
    <ConfirmDialog
      isOpen={!!wish}
      onClose={close}
      title={`${verb} ${provider.displayName || idOf(provider.name)}?`}
      verb={verb}
      isDangerous={wish !== 'enable'}
      onConfirm={() => wish && change.mutate(wish, { onSuccess: done })}
      isBusy={change.isPending}
      error={change.error}
    >
      <p className="quiet">{words}</p>
    </ConfirmDialog>
  )
}

function useActs({ name, etag }: IdentityProvider) {
  const { client, key } = useOrganization()
  const queries = useQueryClient()
  return useChange(async (wish: ProviderWish) => {
    if (wish !== 'delete') {
      const identityProvider = { name, etag, disabled: wish === 'disable' }
      return client.call(UpdateIdentityProvider, { identityProvider, updateMask: 'disabled' })
    }
    await client.call(DeleteIdentityProvider, { name, etag })
    // It is not there to be read anew.
    queries.removeQueries({ queryKey: [...key, 'identity-provider', idOf(name)] })
  })
}
