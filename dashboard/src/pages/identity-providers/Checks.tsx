import { type IdentityProviderCheck, TestIdentityProvider } from '@contract/controlplane'
import { useMutation } from '@tanstack/react-query'
import { useOrganization } from '@/app/organization'
import { Button } from '@/ui/Button'
import { Mark } from '@/ui/Mark'
import { Note } from '@/ui/Note'
import css from './providers.module.css'

const WORDS: Record<string, string> = { discovery: 'Discovery', keys: 'Keys', client: 'Client' }

/** Asks the provider what a sign-in would ask it; what is wrong stands here in its own words. */
export function Checks({ provider }: { provider: string }) {
  const { client } = useOrganization()
  const test = useMutation({ mutationFn: () => client.call(TestIdentityProvider, { name: provider }) })
  return (
    <section>
      <div className={css.test}>
        <h2>Does it work?</h2>
        <Button size="small" isBusy={test.isPending} onClick={() => test.mutate()}>
          Test
        </Button>
        {test.data && <Verdict isHealthy={test.data.healthy} />}
      </div>
      {test.error && <Note kind="bad" error={test.error} />}
      {test.data && (
        <ul className={css.checks} aria-label="Checks">
          {test.data.checks.map((check) => (
            <Check key={check.name} check={check} />
          ))}
        </ul>
      )}
    </section>
  )
}

function Verdict({ isHealthy }: { isHealthy: boolean }) {
  return (
    <span role="status">
      {isHealthy ? (
        <Mark word="People can sign in" icon="check" tone="good" />
      ) : (
        <Mark word="Nobody can sign in" icon="cross" tone="bad" />
      )}
    </span>
  )
}

function Check({ check: { name, healthy, message } }: { check: IdentityProviderCheck }) {
  return (
    <li>
      <Mark word={WORDS[name] ?? name} icon={healthy ? 'check' : 'cross'} tone={healthy ? 'good' : 'bad'} />
      <span>{message}</span>
    </li>
  )
}
