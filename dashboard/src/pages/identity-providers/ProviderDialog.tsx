import { CreateIdentityProvider, type IdentityProvider, UpdateIdentityProvider } from '@contract/controlplane'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useChange, useOrganization } from '@/app/organization'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Field } from '@/ui/Field'
import { Select } from '@/ui/Select'
import { TextArea } from '@/ui/TextArea'
import { mappingsInWords, maskOf, newSettingsOf, settingsOf } from './settings'
import { JOINS, KINDS } from './words'

const GITHUB = 'IDENTITY_PROVIDER_KIND_GITHUB'
const KIND_CHOICES = Object.entries(KINDS).filter(([, words]) => words)
const JOIN_CHOICES = Object.entries(JOINS).filter(([policy]) => policy !== 'JOIN_POLICY_UNSPECIFIED')

type Props = {
  isOpen: boolean
  onClose: () => void
  onDone: (id: string) => void
  /** The one to change; a new one where absent. */
  provider?: IdentityProvider
}

export function ProviderDialog({ isOpen, onClose, onDone, provider }: Props) {
  const save = useSave(provider)

  function close() {
    save.reset()
    onClose()
  }
  function done({ name }: IdentityProvider) {
    close()
    onDone(idOf(name))
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={close}
      title={provider ? `Edit ${provider.displayName || idOf(provider.name)}` : 'Add a provider'}
      verb={provider ? 'Save' : 'Add'}
      onConfirm={(form) => save.mutate(form, { onSuccess: done })}
      isBusy={save.isPending}
      error={save.error}
    >
      {!provider && <NewFields />}
      <Field
        label="Name"
        name="displayName"
        maxLength={128}
        defaultValue={provider?.displayName}
        hint="What people read before they choose it."
        autoComplete="off"
      />
      <ClientFields provider={provider} />
      <GroupFields provider={provider} />
    </ConfirmDialog>
  )
}

function useSave(provider: IdentityProvider | undefined) {
  const { client, name: parent } = useOrganization()
  return useChange(async (form: FormData) => {
    if (!provider) {
      const identityProviderId = String(form.get('id'))
      const identityProvider = newSettingsOf(form, parent)
      return client.call(CreateIdentityProvider, { parent, identityProviderId, identityProvider })
    }
    const settings = settingsOf(form, parent)
    const { name, etag } = provider
    const identityProvider = { name, etag, ...settings }
    return client.call(UpdateIdentityProvider, { identityProvider, updateMask: maskOf(settings) })
  })
}

function NewFields() {
  const [kind, setKind] = useState('')
  const isGithub = kind === GITHUB
  return (
    <>
      <Field
        label="Id"
        name="id"
        pattern="[a-z]([a-z0-9\-]*[a-z0-9])?"
        maxLength={63}
        hint="It stands in the address to register there, and never changes."
        autoComplete="off"
        spellCheck={false}
        required
      />
      <Select
        label="Speaks"
        name="kind"
        choices={KIND_CHOICES}
        onChange={({ target }) => setKind(target.value)}
      />
      <Field
        label="Issuer"
        name="issuer"
        type="url"
        maxLength={512}
        placeholder={isGithub ? 'https://github.com' : 'https://idp.example.com'}
        hint={isGithub ? 'Your Enterprise Server, where you have one.' : 'Exactly the iss of its tokens.'}
        spellCheck={false}
        required={!isGithub}
      />
    </>
  )
}

function ClientFields({ provider }: { provider: IdentityProvider | undefined }) {
  return (
    <>
      <Field
        label="Client id"
        name="clientId"
        maxLength={256}
        defaultValue={provider?.clientId}
        autoComplete="off"
        spellCheck={false}
        required
      />
      <Field
        label="Client secret"
        name="clientSecret"
        type="password"
        maxLength={1024}
        hint={
          provider
            ? 'The one that is kept stays where it is empty; nobody can read it.'
            : 'None of a public client.'
        }
        autoComplete="new-password"
      />
      <Field
        label="Scopes"
        name="scopes"
        defaultValue={provider?.scopes.join(' ')}
        hint="With spaces between them; the usual ones where it is empty."
        autoComplete="off"
        spellCheck={false}
      />
      <Select
        label="Who comes in"
        name="joinPolicy"
        defaultValue={provider?.joinPolicy ?? 'JOIN_POLICY_MEMBERS_ONLY'}
        choices={JOIN_CHOICES}
      />
    </>
  )
}

function GroupFields({ provider }: { provider: IdentityProvider | undefined }) {
  return (
    <>
      <Field
        label="Claim with the groups"
        name="groupsClaim"
        maxLength={128}
        defaultValue={provider?.groupsClaim}
        placeholder="groups"
        hint="Of OpenID Connect; GitHub's groups are its organizations and their teams."
        autoComplete="off"
        spellCheck={false}
      />
      <TextArea
        label="Groups that may sign in"
        name="allowedGroups"
        rows={2}
        defaultValue={provider?.allowedGroups.join('\n')}
        hint="One a line; everybody where it is empty."
        spellCheck={false}
      />
      <TextArea
        label="Teams by group"
        name="groupMappings"
        rows={2}
        defaultValue={provider && mappingsInWords(provider)}
        placeholder="ml-eng = oncall"
        hint="One a line: a group there = the id of a team here. People join and leave it as they sign in."
        spellCheck={false}
      />
    </>
  )
}
