import type { QuotaUsage, Usage } from '@contract/workspace'
import { size } from '@/ui/sizes'
import css from './health.module.css'

/** How much there is of what can be limited. */
export function Quotas({ usage: { quotas } }: { usage: Usage }) {
  return (
    <section className={css.part}>
      <h2>How much there is</h2>
      <table className={css.quotas}>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Is</th>
            <th scope="col">May be</th>
          </tr>
        </thead>
        <tbody>
          {quotas.map((quota) => (
            <tr key={quota.quota}>
              <td>{quota.quota.replaceAll('_', ' ')}</td>
              <td className="numbers">{amount(quota, quota.use)}</td>
              <td className="numbers">{quota.limit === '0' ? 'any amount' : amount(quota, quota.limit)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function amount({ quota }: QuotaUsage, value: string): string {
  return quota.endsWith('_bytes') ? size(value) : Number(value).toLocaleString()
}
