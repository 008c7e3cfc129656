/** Style sheets, which the bundle takes from the scripts that import them. */
declare module '*.css'
