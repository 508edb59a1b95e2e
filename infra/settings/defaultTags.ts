import { z } from "zod";
import { against } from "./problem.ts";
import { json } from "./values.ts";

const rule =
  'it must be an object whose "tags" has at most 50 keys of up to 127 characters (not aws:…), ' +
  "each with a string of up to 255; letters, digits, spaces and _ . : / = + - @ are allowed";

const usable = json(
  z.object({
    tags: z
      .record(
        z.string().regex(/^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+@-]{1,127}$/iu),
        z.string().regex(/^[\p{L}\p{Z}\p{N}_.:/=+@-]{0,255}$/u),
      )
      .refine((tags) => Object.keys(tags).length <= 50),
  }),
);

/** What AWS takes of `aws:defaultTags`, which the provider adds to every resource; CodeBuild takes a character less than others. */
export const defaultTags = z
  .string()
  .refine((text) => usable.safeParse(text).success, { error: against(rule) })
  .optional();
