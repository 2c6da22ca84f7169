import { useQueryClient } from '@tanstack/react-query'
import { useTitle } from '@/ui/useTitle'
import { LoginForm } from './LoginForm'
import { Logo } from './Logo'
import css from './login.module.css'

export function LoginPage() {
  const queries = useQueryClient()
  useTitle('Sign in')
  return (
    <main className={css.page}>
      <div className={css.card}>
        <Logo size={36} />
        <h1>Sign in to Weft</h1>
        <LoginForm onSignedIn={() => queries.invalidateQueries({ queryKey: ['session'] })} />
      </div>
    </main>
  )
}
