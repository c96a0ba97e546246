/** Ages as Kubernetes prints them in tables: `5s`, `3m20s`, `4d`. */
import type { KubeObject } from '../objects/object.ts';
import type { TableColumn } from '../objects/resource.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** A time as how long ago it was, as of `now`; `<unknown>` if it is not set. */
export function agoShort(time: string | null | undefined, now: Date): string {
  return time ? shortDuration((now.getTime() - Date.parse(time)) / 1000) : '<unknown>';
}

/** How old an object is. */
export function ageOf({ metadata }: KubeObject, now: Date): string {
  return agoShort(metadata.creationTimestamp, now);
}

/** Two units while the first is small, then one; cut off, never rounded. A little in the future counts as now. */
export function shortDuration(exact: number): string {
  const seconds = Math.trunc(exact);
  if (seconds < -1) return '<invalid>';
  if (seconds < 2 * MINUTE) return `${Math.max(0, seconds)}s`;
  if (seconds < 10 * MINUTE) return units(seconds, MINUTE, 'm', 1, 's');
  if (seconds < 3 * HOUR) return `${Math.floor(seconds / MINUTE)}m`;
  if (seconds < 8 * HOUR) return units(seconds, HOUR, 'h', MINUTE, 'm');
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)}h`;
  if (seconds < 8 * DAY) return units(seconds, DAY, 'd', HOUR, 'h');
  if (seconds < 2 * YEAR) return `${Math.floor(seconds / DAY)}d`;
  if (seconds < 8 * YEAR) return units(seconds, YEAR, 'y', DAY, 'd');
  return `${Math.floor(seconds / YEAR)}y`;
}

function units(seconds: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)}${largeName}${rest === 0 ? '' : `${rest}${smallName}`}`;
}

/** The columns with which most tables begin and end. */
export const nameColumn: TableColumn = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'The name of the object, unique among those of its kind in the namespace.',
};
export const ageColumn: TableColumn = {
  name: 'Age',
  type: 'string',
  description: 'How long ago the object was made.',
};
