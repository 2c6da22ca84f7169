import { Link } from '@tanstack/react-router'
import { EmptyState } from '@/ui/EmptyState'
import { useTitle } from '@/ui/useTitle'
import css from './home.module.css'

export function NotFound() {
  useTitle('Not found')
  return (
    <main>
      <EmptyState icon="warn" title="There is no such page">
        <p>
          The address may be mistyped, or of a newer version.{' '}
          <Link className={css.link} to="/">
            Go to the start
          </Link>
          .
        </p>
      </EmptyState>
    </main>
  )
}
