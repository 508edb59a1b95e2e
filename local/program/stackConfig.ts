import { createDecipheriv, pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import { parse } from "yaml";
import { z } from "zod";

const fileSchema = z.object({
  config: z.record(z.string(), z.unknown()).default({}),
  encryptionsalt: z.string().optional(),
});

/** A stack's settings as its program gets them. */
export interface StackConfig {
  /** By their full keys: text as it is, everything else as JSON. */
  readonly values: Record<string, string>;
  /** The keys of those that are encrypted, or hold something that is. */
  readonly secretKeys: readonly string[];
}

/** Whose settings are read. */
export interface StackFile {
  /** `Pulumi.<stack>.yaml`, for messages. */
  readonly file: string;
  /** The project's name: a key without a namespace is the project's. */
  readonly project: string;
  /** What `PULUMI_CONFIG_PASSPHRASE` is for the stack. */
  readonly passphrase: string;
}

/**
 * The settings that a stack's file has, decrypted.
 *
 * @param text The file's.
 * @throws {Error} when it is no settings file, or encrypted with something else.
 * @see https://www.pulumi.com/docs/iac/concepts/config/
 */
export async function readStackConfig(text: string, { file, project, passphrase }: StackFile): Promise<StackConfig> {
  const { config, encryptionsalt } = fileSchema.parse(parse(text) ?? {});
  const values: Record<string, string> = {};
  const secretKeys: string[] = [];
  for (const [name, value] of Object.entries(config)) {
    const key = name.includes(":") ? name : `${project}:${name}`;
    const plain = await decrypted(value, async (sealed) => {
      if (encryptionsalt === undefined) {
        throw new Error(`${file}: ${key} is encrypted, and not with a passphrase`);
      }
      secretKeys.push(key);
      return decrypt(sealed, encryptionsalt, passphrase).catch(() => {
        throw new Error(`${file}: ${key} is not encrypted with the passphrase of this stack, "${passphrase}"`);
      });
    });
    values[key] = typeof plain === "string" ? plain : JSON.stringify(plain);
  }
  return { values, secretKeys };
}

/** A value with the text in place of every `{ secure: … }`. */
async function decrypted(value: unknown, decryptText: (text: string) => Promise<string>): Promise<unknown> {
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if (Array.isArray(value)) {
    return Promise.all(value.map((item) => decrypted(item, decryptText)));
  }
  const { secure, ...others } = value as Record<string, unknown>;
  if (typeof secure === "string" && Object.keys(others).length === 0) {
    return decryptText(secure);
  }
  const entries = Object.entries(value).map(async ([key, item]) => [key, await decrypted(item, decryptText)]);
  return Object.fromEntries(await Promise.all(entries));
}

/** Pulumi's passphrase encryption: PBKDF2 and AES-256-GCM (`sdk/go/common/resource/config/crypt.go`). */
async function decrypt(text: string, encryptionSalt: string, passphrase: string): Promise<string> {
  const [, salt = ""] = encryptionSalt.split(":");
  const key = await promisify(pbkdf2)(passphrase, Buffer.from(salt, "base64"), 1_000_000, 32, "sha256");
  const [, nonce = "", sealed = ""] = text.split(":");
  const bytes = Buffer.from(sealed, "base64");
  const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64"));
  decipher.setAuthTag(bytes.subarray(-16));
  return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString();
}
