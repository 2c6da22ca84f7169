import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { type Decision, DecisionDialog } from '@/app/DecisionDialog'
import { useMayDecide } from '@/app/useMayDecide'
import { useQuestions, useWaitingRequests } from '@/app/useWaiting'
import { Button } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import { NextPage } from '@/ui/NextPage'
import { PageHead } from '@/ui/Page'
import { useTitle } from '@/ui/useTitle'
import css from './approvals.module.css'
import { Question, Request } from './Waiting'

const route = getRouteApi('/w/$workspace/p/$project/approvals')

/** Everything in the project that waits for a person to say yes or no. */
export function ApprovalsPage() {
  const { run } = route.useSearch()
  useTitle('Approvals')
  return (
    <>
      <PageHead title="Approvals">
        {run && (
          <p className="quiet">
            What <span className="mono">{run}</span> waits for.{' '}
            <Link from={route.id} to="." search={{}} className={css.link}>
              Show everything
            </Link>
          </p>
        )}
      </PageHead>
      <Inbox run={run} />
    </>
  )
}

function Inbox({ run }: { run: string | undefined }) {
  const questions = useQuestions()
  const requests = useWaitingRequests('-')
  const mayDecide = useMayDecide()
  const [decision, setDecision] = useState<Decision>()
  const lists = [questions, requests]
  const failed = lists.find((list) => list.error && !list.data)
  if (failed) return <ErrorPage error={failed.error} onRetry={() => failed.refetch()} />
  if (lists.some((list) => list.isPending)) return <p className={css.loading}>Reading what waits …</p>
  const asked = run ? questions.items.filter(({ name }) => name.split('/')[3] === run) : questions.items
  const wanted = run ? [] : requests.items
  return (
    <>
      {asked.length + wanted.length === 0 && <Nothing />}
      <ul className={css.list} aria-label="Waiting">
        {asked.map((item) => (
          <Question
            key={item.name}
            item={item}
            onDecide={mayDecide.question(item) ? (way) => setDecision({ question: item, way }) : undefined}
          />
        ))}
        {wanted.map((item) => (
          <Request
            key={item.name}
            item={item}
            onDecide={mayDecide.request(item) ? (way) => setDecision({ request: item, way }) : undefined}
          />
        ))}
      </ul>
      {lists.map(
        (list, at) =>
          list.hasNextPage && (
            // biome-ignore lint/suspicious/noArrayIndexKey: the two lists never change places
            <div key={at} className={css.more}>
              {list.more.error ? (
                <NextPage more={list.more} />
              ) : (
                <Button isBusy={list.more.isReading} onClick={list.more.readOn}>
                  More
                </Button>
              )}
            </div>
          ),
      )}
      <DecisionDialog decision={decision} onClose={() => setDecision(undefined)} />
    </>
  )
}

function Nothing() {
  return (
    <EmptyState icon="check" title="Nothing waits for anybody">
      <p>
        Steps that call wait_for_approval ask here, and so does whoever requests that a version of a model
        enter a stage.
      </p>
    </EmptyState>
  )
}
