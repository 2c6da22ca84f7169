import {
  CreateFederatedCredential,
  DeleteFederatedCredential,
  type FederatedCredential,
} from '@contract/controlplane'
import { idOf } from '@/api/session'
import { useChange, useOrganization } from '@/app/organization'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Field } from '@/ui/Field'
import formCss from '@/ui/form.module.css'
import { TextArea } from '@/ui/TextArea'

/** A new rule, or one to take away. */
export type CredentialWish = 'create' | FederatedCredential

type Props = { account: string; wish: CredentialWish | undefined; onClose: () => void }

export function FederationDialog({ account, wish, onClose }: Props) {
  const { client } = useOrganization()
  const change = useChange(async ({ wanted, form }: { wanted: CredentialWish; form: FormData }) => {
    if (wanted !== 'create') await client.call(DeleteFederatedCredential, { name: wanted.name })
    else await client.call(CreateFederatedCredential, { parent: account, ...requestOf(form) })
  })
  const isNew = !wish || wish === 'create'

  function close() {
    change.reset()
    onClose()
  }
  return (
    <ConfirmDialog
      isOpen={!!wish}
      onClose={close}
      title={isNew ? 'Trust an issuer' : `Trust ${idOf(wish.name)} no longer?`}
      verb={isNew ? 'Trust' : 'Remove'}
      isDangerous={!isNew}
      onConfirm={(form) => wish && change.mutate({ wanted: wish, form }, { onSuccess: close })}
      isBusy={change.isPending}
      error={change.error}
    >
      {isNew ? (
        <Rule />
      ) : (
        <p className="quiet">Every token that was given by it is dead at once, everywhere.</p>
      )}
    </ConfirmDialog>
  )
}

function Rule() {
  return (
    <>
      <Field
        label="Id"
        name="id"
        pattern="[a-z]([a-z0-9\-]*[a-z0-9])?"
        maxLength={63}
        autoComplete="off"
        spellCheck={false}
        required
      />
      <Field
        label="Issuer"
        name="issuer"
        type="url"
        maxLength={512}
        defaultValue="https://token.actions.githubusercontent.com"
        hint="The iss of the tokens, letter by letter."
        spellCheck={false}
        required
      />
      <Field
        label="Audience"
        name="audience"
        maxLength={512}
        hint="The aud of the tokens: a name for us that no other service uses."
        autoComplete="off"
        spellCheck={false}
        required
      />
      <Field
        label="Subject"
        name="subject"
        maxLength={512}
        placeholder="repo:acme/model:ref:refs/heads/main"
        hint="The sub of the tokens; one * may stand at its start or its end."
        autoComplete="off"
        spellCheck={false}
        required
      />
      <TextArea
        label="Further claims"
        name="conditions"
        placeholder="environment=production"
        hint="One a line, as claim=value; the tokens must have them all."
        rows={2}
        spellCheck={false}
      />
      <label className={formCss.check}>
        <input type="checkbox" name="reusable" />
        Each token may be used more than once, as pods need it
      </label>
    </>
  )
}

function requestOf(form: FormData) {
  const text = (field: string) => String(form.get(field)).trim()
  return {
    federatedCredentialId: text('id'),
    federatedCredential: {
      issuer: text('issuer'),
      audience: text('audience'),
      subject: text('subject'),
      conditions: text('conditions').split('\n').filter(Boolean).map(conditionOf),
      reusable: form.get('reusable') === 'on',
    },
  }
}

/** Raises where a line says no claim. */
function conditionOf(line: string): { claim: string; value: string } {
  const [, claim, value] = line.trim().match(/^([^=]+)=(.*)$/s) ?? []
  if (!claim || !value) throw new Error(`“${line}” is not claim=value`)
  return { claim: claim.trim(), value: value.trim() }
}
