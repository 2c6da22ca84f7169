import {
  AddTrustedDomain,
  RemoveTrustedDomain,
  type TrustedDomain,
  VerifyTrustedDomain,
} from '@contract/controlplane'
import { useChange, useOrganization } from '@/app/organization'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { CopyCommand } from '@/ui/CopyCommand'
import { Field } from '@/ui/Field'

export type DomainWish = { act: 'add' } | { act: 'verify' | 'remove'; domain: TrustedDomain }

const VERBS = { add: 'Claim', verify: 'Look the record up', remove: 'Trust no longer' }

type Props = { wish: DomainWish | undefined; onWish: (wish: DomainWish | undefined) => void }

/** Claims a domain, then shows the record that proves it; verifies it, or takes it away. */
export function DomainDialogs({ wish, onWish }: Props) {
  const { client, name: parent } = useOrganization()
  const change = useChange(async ({ wanted, form }: { wanted: DomainWish; form: FormData }) => {
    if (wanted.act === 'add') {
      const domain = await client.call(AddTrustedDomain, {
        parent,
        domain: String(form.get('domain')).trim(),
      })
      return onWish({ act: 'verify', domain })
    }
    const { name } = wanted.domain
    if (wanted.act === 'verify') await client.call(VerifyTrustedDomain, { name })
    else await client.call(RemoveTrustedDomain, { name })
    onWish(undefined)
  })
  const act = wish?.act ?? 'add'

  function close() {
    change.reset()
    onWish(undefined)
  }
  return (
    <ConfirmDialog
      isOpen={!!wish}
      onClose={close}
      title={titleOf(wish)}
      verb={VERBS[act]}
      isDangerous={act === 'remove'}
      onConfirm={(form) => wish && change.mutate({ wanted: wish, form })}
      isBusy={change.isPending}
      error={change.error}
    >
      {wish?.act === 'verify' && <DnsRecord of={wish.domain} />}
      {act === 'add' && (
        <Field
          label="Domain"
          name="domain"
          maxLength={253}
          placeholder="example.com"
          hint="It counts for nothing until a record in its DNS says that it is yours."
          autoComplete="off"
          spellCheck={false}
          required
        />
      )}
      {act === 'remove' && (
        <p className="quiet">Accounts and sessions stay; its addresses say nothing more.</p>
      )}
    </ConfirmDialog>
  )
}

function DnsRecord({ of: { recordName, recordValue } }: { of: TrustedDomain }) {
  return (
    <>
      <p className="quiet">Put a TXT record of this name into the DNS of the domain:</p>
      <CopyCommand command={recordName} />
      <p className="quiet">that says:</p>
      <CopyCommand command={recordValue} />
    </>
  )
}

function titleOf(wish: DomainWish | undefined): string {
  if (!wish || wish.act === 'add') return 'Claim a domain'
  return wish.act === 'verify' ? `Verify ${wish.domain.domain}` : `Trust ${wish.domain.domain} no longer?`
}
