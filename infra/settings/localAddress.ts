/** Whether a URL is of this machine, without TLS: something that only a stack on the local cloud can reach. */
export function isLocalAddress(url: string): boolean {
  return /^http:\/\/127\.0\.0\.1(:\d+)?(\/\S*)?$/.test(url);
}
