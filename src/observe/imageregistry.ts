/** The registry's metrics by the names that OpenShift's registry gives them (image-registry pkg/dockerregistry/server/metrics). */

/** A metric there: what it is, and which of our samples make its own; `line` is what follows our sample's name. */
interface Theirs {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly help: string;
  readonly samples: readonly {
    readonly ours: RegExp;
    readonly suffix?: string;
  }[];
}

const THEIRS: readonly Theirs[] = [
  {
    name: 'imageregistry_http_requests_total',
    type: 'counter',
    help: 'Requests that have been answered.',
    samples: [{ ours: /^headgate_requests_total(?={)/ }],
  },
  {
    name: 'imageregistry_http_request_duration_seconds',
    type: 'histogram',
    help: 'Time from the head of a request to the end of its answer.',
    samples: [{ ours: /^headgate_request_duration_seconds(?=_(?:bucket|sum|count){)/ }],
  },
  {
    name: 'imageregistry_http_in_flight_requests',
    type: 'gauge',
    help: 'Requests that are being answered.',
    samples: [{ ours: /^headgate_requests_in_flight(?={)/ }],
  },
  {
    name: 'imageregistry_http_request_size_bytes',
    type: 'summary',
    help: 'Bytes of requests.',
    samples: [{ ours: /^headgate_received_bytes_total(?={)/, suffix: '_sum' }],
  },
  {
    name: 'imageregistry_http_response_size_bytes',
    type: 'summary',
    help: 'Bytes of answers.',
    samples: [{ ours: /^headgate_sent_bytes_total(?={)/, suffix: '_sum' }],
  },
  {
    name: 'imageregistry_request_duration_seconds',
    type: 'summary',
    help: 'What operations of the registry took.',
    samples: [
      { ours: /^headgate_registry_operation_seconds_total(?={)/, suffix: '_sum' },
      { ours: /^headgate_registry_operations_total(?={)/, suffix: '_count' },
    ],
  },
];

/** What has their names already, and what is said of all processes by the same names. */
const SHARED = /^(?:(?:# (?:HELP|TYPE) )?imageregistry_|process_|nodejs_)/;

/** The samples of the registry's edge, renamed; nothing is counted twice on the way of a request for it. */
export function asImageRegistry(text: string): string {
  const lines = text.split('\n').filter((line) => !/edge="(?!registry")/.test(line));
  const requests = lines
    .filter((line) => line.startsWith('headgate_requests_total{'))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  const metrics = THEIRS.flatMap(({ name, type, help, samples }) => {
    const own = samples.flatMap(({ ours, suffix = '' }) =>
      lines.filter((line) => ours.test(line)).map((line) => withTheirLabels(line.replace(ours, name + suffix))),
    );
    const sizes = name.endsWith('_size_bytes') && own.length > 0 ? [`${name}_count ${requests}`] : [];
    return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...own, ...sizes];
  });
  return `${[...metrics, ...lines.filter((line) => SHARED.test(line))].join('\n')}\n`;
}

function withTheirLabels(sample: string): string {
  return sample
    .replace(/edge="registry",?/, '')
    .replace('verb="', 'method="')
    .replace(/,?\}/, '}')
    .replace('{}', '');
}
