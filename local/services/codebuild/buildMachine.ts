import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";

/**
 * A build's Node.js is the one that runs the local cloud.
 *
 * @param wanted The buildspec's `runtime-versions`, where it asks for one.
 * @throws {Error} when that is another.
 */
export function checkRuntime(wanted: string | undefined): void {
  const [major] = process.versions.node.split(".");
  if (wanted !== undefined && wanted !== major) {
    throw new Error(`runtime-versions asks for nodejs ${wanted}; the local cloud runs on, and has, nodejs ${major}`);
  }
}

/**
 * What a build takes from this machine: a PATH that begins with the local cloud's Node.js, npm's cache and registry, and the way to the
 * network. Nothing else gets in, AWS credentials least of all.
 */
export function machineVariables(): Record<string, string> {
  const kept = /^(npm_config_(cache|userconfig|registry)|(https?|no)_proxy|node_extra_ca_certs|ssl_cert_(file|dir))$/i;
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  return {
    LANG: "en_US.UTF-8",
    GIT_CONFIG_NOSYSTEM: "1",
    npm_config_cache: join(homedir(), ".npm"),
    npm_config_userconfig: join(homedir(), ".npmrc"),
    ...Object.fromEntries(
      Object.entries(process.env).flatMap(([name, value]) =>
        kept.test(name) && value !== undefined ? [[name, value]] : [],
      ),
    ),
    PATH: [dirname(process.execPath), ...path].join(delimiter),
  };
}
