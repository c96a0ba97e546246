/** Ages as OpenShift prints them in tables: docker's coarse words, not Kubernetes' `5m3s`. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Go's longest duration in milliseconds: 292 years. A time that is not set is year 1 there, so its age is this. */
const LONGEST = 2 ** 63 / 1e6;

/**
 * How long ago `time` (RFC 3339) was, such as `About an hour ago`. A time that is not set was `292 years ago`, one in
 * the future `Less than a second ago`, as in OpenShift.
 */
export function age(time: string | null | undefined, now: Date): string {
  const milliseconds = time ? now.getTime() - Date.parse(time) : LONGEST;
  return `${humanDuration(Math.min(milliseconds, LONGEST))} ago`;
}

/** A duration in the words of docker's go-units: units are cut off, but hours (and so days to months) are rounded. */
function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / SECOND);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(milliseconds / MINUTE);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(milliseconds / HOUR + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  const days = Math.trunc(hours / 24);
  if (days < 14) return `${days} days`;
  if (days < 60) return `${Math.trunc(days / 7)} weeks`;
  if (days < 730) return `${Math.trunc(days / 30)} months`;
  return `${Math.trunc(milliseconds / HOUR / 24 / 365)} years`;
}
